import { javascript } from '@codemirror/lang-javascript'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { basicSetup } from 'codemirror'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const name = location.hash.slice(1) || 'example'
const person = `Guest ${Math.ceil(Math.random() * 99)}`
const colour = `hsl(${Math.floor(Math.random() * 360)} 70% 40%)`
const state = document.querySelector('#state')
const say = (text) => { if (state.textContent !== text) state.textContent = text }

// A development server gives a token to every guest; your application's backend mints its own.
const token = async () => {
  const answer = await fetch('/api/v1/auth/guest', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: person })
  })
  if (!answer.ok) throw new Error(`no token: ${answer.status}`)
  return (await answer.json()).token
}

const doc = new Y.Doc()
const text = doc.getText('file')
const provider = new WebsocketProvider(`${location.origin.replace(/^http/, 'ws')}/yjs`, encodeURIComponent(name), doc, { connect: false })

const connect = async () => {
  provider.protocols = ['tandem', await token()]
  provider.connect()
}
provider.on('status', ({ status }) => { if (status !== 'connected') say('Offline, kept here') })
provider.on('sync', (synced) => { if (synced) say(`Shared as ${person}`) })
provider.on('closed', ({ code, reason }) => {
  // 4401: the token has expired. Any other code of 44xx is a refusal that a new attempt does not change.
  if (code === 4401) connect().catch(() => say('No access: no new token'))
  else say(`No access: ${reason}`)
})

// The names at the carets: presence, which is never stored.
provider.awareness.setLocalStateField('user', { name: person, color: colour, colorLight: `color-mix(in srgb, ${colour} 25%, transparent)` })

new EditorView({
  parent: document.querySelector('#editor'),
  state: EditorState.create({
    doc: text.toString(),
    // Its keys come first: undo takes back your edits and nobody else's.
    extensions: [keymap.of(yUndoManagerKeymap), basicSetup, javascript(), EditorView.lineWrapping, yCollab(text, provider.awareness)]
  })
})

connect().catch((error) => say(`No access: ${error.message}`))
window.addEventListener('beforeunload', () => provider.destroy())
