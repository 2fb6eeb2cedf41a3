import { HocuspocusProvider } from '@hocuspocus/provider'
import { Editor } from '@tiptap/core'
import Collaboration from '@tiptap/extension-collaboration'
import StarterKit from '@tiptap/starter-kit'
import * as Y from 'yjs'

const name = location.hash.slice(1) || 'example'
const state = document.querySelector('#state')
const say = (text) => { if (state.textContent !== text) state.textContent = text }

// A development server gives a token to every guest; your application's backend mints its own. The provider asks again
// whenever a token is about to expire.
const token = async () => {
  const answer = await fetch('/api/v1/auth/guest', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Somebody' })
  })
  if (!answer.ok) throw new Error(`no token: ${answer.status}`)
  return (await answer.json()).token
}

const doc = new Y.Doc()
const provider = new HocuspocusProvider({
  url: `${location.origin.replace(/^http/, 'ws')}/hocuspocus`,
  name,
  document: doc,
  token,
  // Tandem acknowledges an edit when it is on disk.
  onUnsyncedChanges: ({ number }) => say(number === 0 ? 'Saved' : 'Saving…'),
  onAuthenticationFailed: ({ reason }) => say(`No access: ${reason}`),
  onDisconnect: () => say('Offline, kept here'),
  onStateless: ({ payload }) => say(`Not saved: ${payload}`)
})

const editor = new Editor({
  element: document.querySelector('#editor'),
  // Undo is the collaboration's own: it takes back your edits and nobody else's.
  extensions: [StarterKit.configure({ undoRedo: false }), Collaboration.configure({ document: doc })]
})

window.addEventListener('beforeunload', () => {
  editor.destroy()
  provider.destroy()
})
