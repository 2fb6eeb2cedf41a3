/** Puts the page together. Each part has its own file; this one only carries facts from one to the other. */
import { Doc } from 'yjs'
import { Connection } from './connection'
import { createEditor, setWritable } from './editor'
import { Identity } from './identity'
import { Notices } from './notice'
import { createPeople, present } from './people'
import { published } from './person'
import { Pill } from './pill'
import { documentName, freshUrl, hasTokenInFragment, shareUrl, socketUrl, takeTokenFromFragment } from './place'
import { createShare } from './share'
import { type State, stateOf, wouldLose } from './state'
import { takeBack } from './takeback'
import { bindTitle } from './title'
import { createToolbar } from './toolbar'

/** How long the line is down before the page says more than the pill does. */
const OFFLINE_NOTICE_MS = 4_000

function part<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element as T
}

const identity = new Identity(takeTokenFromFragment())
const name = documentName()
const doc = new Doc()
const connection = new Connection(socketUrl(), name, doc, identity, { changed: later, joined: publish })
const awareness = connection.provider.awareness
if (awareness === null) throw new Error('the provider has no awareness')

const editor = createEditor(part('sheet'), doc, awareness)
const title = part<HTMLInputElement>('title')
const pill = new Pill(part('pill'), part('voice'), () => connection.again())
const notices = new Notices(
  { bar: part('notice'), page: part('wall'), content: ['toolbar', 'desk', 'title', 'share', 'people'].map(part) },
  {
    again: () => connection.again(),
    guest: () => {
      identity.forgetAddressToken()
      // Who has written here under one access goes on under another as a new author.
      if (connection.everJoined) location.reload()
      else connection.again()
    },
    takeBack: () => {
      if (takeBack(editor)) connection.again()
    },
    fresh: () => location.assign(freshUrl()),
  },
)

createToolbar(part('toolbar'), editor)
bindTitle(title, doc.getText('title'), (text) => {
  const shown = text.trim() === '' ? 'Untitled' : text
  document.title = `${shown} · Tandem`
  part('heading').textContent = shown
})
/** The colour in this document, where the one that the browser remembers is somebody else's. */
let hue: number | null = null
createPeople(
  { button: part('people'), list: part('people-list'), popover: part('people-card'), name: part('own-name') },
  awareness,
  {
    rename: (wanted) => {
      identity.rename(wanted)
      publish()
    },
    recolour: (free) => {
      hue = free
      publish()
    },
  },
)
createShare(part('share'), part<HTMLDialogElement>('share-card'), {
  link: shareUrl(name),
  document: name,
  guests: () => identity.isGuest,
  right: () => {
    const scope = connection.provider.authorizedScope
    return scope === 'read-write' ? 'write' : scope === 'readonly' ? 'read' : null
  },
  present: () => present(awareness.getStates(), awareness.clientID).map(({ name, you }) => (you ? `${name} (you)` : name)),
})

let offlineSince: number | null = null
let scheduled = false
let state: State = 'connecting'

/** Many facts change in one turn; they are looked at once, after it. */
function later(): void {
  if (scheduled) return
  scheduled = true
  queueMicrotask(() => {
    scheduled = false
    look()
  })
}

function look(): void {
  const now = Date.now()
  const facts = connection.facts(now)
  state = stateOf(facts)
  pill.set(state)
  offlineSince = state === 'offline' ? (offlineSince ?? now) : null
  const cutOff = offlineSince !== null && now - offlineSince >= OFFLINE_NOTICE_MS
  notices.show({
    trouble: connection.trouble ?? (cutOff ? 'offline' : null),
    everJoined: connection.everJoined,
    document: name,
    hasOwnToken: identity.isFromAddress,
  })
  // A link to what is deleted is worth nothing; there is no way back from here.
  if (state === 'deleted') part('share').hidden = true
  const writable =
    connection.everJoined && !facts.readonly && !facts.denied && connection.trouble !== 'deleted'
  setWritable(editor, writable)
  title.readOnly = !writable
  document.body.dataset['joined'] = String(connection.everJoined)
  document.body.dataset['writable'] = String(writable)
}

function publish(): void {
  connection.provider.setAwarenessField('user', published({ ...identity.person, hue: hue ?? identity.person.hue }))
}

publish()
look()
// Time alone turns "Saving" into "Not saved yet".
setInterval(look, 500)
addEventListener('pageshow', (event) => {
  // Coming back from the browser's cache: the provider has taken us off the list of people.
  if (!event.persisted) return
  awareness.setLocalState({})
  publish()
  connection.reopen()
})
// A link with another token, opened in this very window: only its fragment differs, so the browser would not load it.
addEventListener('hashchange', () => {
  if (hasTokenInFragment()) location.reload()
})
addEventListener('beforeunload', (event) => {
  if (wouldLose(state, connection.dirty)) event.preventDefault()
})
void connection.start()
