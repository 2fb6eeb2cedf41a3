// A shared notebook in the terminal: every line that you type is there for everybody who runs this.
//   node notes.mjs [DOCUMENT]        TANDEM_URL=http://127.0.0.1:8080
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const server = process.env.TANDEM_URL ?? 'http://127.0.0.1:8080'
const name = process.argv[2] ?? 'notebook'
const stop = (why) => { console.error(why); process.exit(1) }

// A development server gives a token to every guest; your application mints its own for its users.
const answer = await fetch(`${server}/api/v1/auth/guest`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ name: process.env.USER ?? 'somebody' })
}).catch((error) => stop(`no server at ${server} (${error.cause?.code ?? error.message}): start one, or set TANDEM_URL`))
if (!answer.ok) stop(`${server} gives no token: ${answer.status} ${await answer.text()}`)
const { token } = await answer.json()

const doc = new Y.Doc()
const notes = doc.getArray('notes')
const provider = new WebsocketProvider(`${server.replace(/^http/, 'ws')}/yjs`, encodeURIComponent(name), doc, {
  protocols: ['tandem', token],
  WebSocketPolyfill: WebSocket,
  disableBc: true
})

const synced = new Promise((resolve) => { provider.once('sync', resolve) })
synced.then(() => console.log(`${name}: ${notes.length === 1 ? '1 note' : `${notes.length} notes`}; type one`))
provider.on('closed', ({ code, reason }) => stop(`refused: ${code} ${reason}`))
notes.observe((event) => {
  for (const { insert = [] } of event.changes.delta) for (const note of insert) console.log(`* ${note}`)
})

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => { if (line.trim()) notes.push([line.trim()]) })
lines.on('close', async () => {
  await synced // what was typed by now travels with the handshake
  provider.destroy()
  doc.destroy()
})
