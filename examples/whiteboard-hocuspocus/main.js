import { HocuspocusProvider } from '@hocuspocus/provider'
import * as Y from 'yjs'

const name = location.hash.slice(1) || 'example'
const person = `Guest ${Math.ceil(Math.random() * 99)}`
const state = document.querySelector('#state')
const board = document.querySelector('#board')
const colour = document.querySelector('#colour')
const say = (text) => { if (state.textContent !== text) state.textContent = text }

// A development server gives a token to every guest; your application's backend mints its own. The provider asks again
// whenever a token is about to expire.
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
/** id → a map of kind, colour, x and y. Two people may move one shape and paint it at the same time: each key is its own. */
const shapes = doc.getMap('shapes')
const undo = new Y.UndoManager(shapes, { captureTimeout: 500 })
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

// What is drawn.

const svg = (tag, attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

const drawn = new Map()

const draw = (id) => {
  const shape = shapes.get(id)
  if (!shape) {
    drawn.get(id)?.remove()
    drawn.delete(id)
    return
  }
  const { kind, fill, x, y } = shape.toJSON()
  const circle = kind === 'circle'
  if (!drawn.has(id)) {
    drawn.set(id, svg(circle ? 'circle' : 'rect', { ...(circle ? { r: 40 } : { width: 100, height: 70, rx: 6 }), tabindex: 0, 'data-shape': id, 'aria-label': kind }))
    board.append(drawn.get(id))
  }
  const [across, down] = circle ? ['cx', 'cy'] : ['x', 'y']
  for (const [key, value] of [['fill', fill], [across, x], [down, y]]) drawn.get(id).setAttribute(key, value)
}

shapes.observeDeep((events) => {
  const touched = new Set(events.flatMap(({ path, keys }) => path.length > 0 ? [path[0]] : [...keys.keys()]))
  for (const id of touched) draw(id)
})

// What is done.

const add = (kind) => {
  const shape = new Y.Map(Object.entries({ kind, fill: colour.value, x: 60 + Math.random() * 300, y: 60 + Math.random() * 200 }))
  shapes.set(crypto.randomUUID(), shape)
}
for (const button of document.querySelectorAll('[data-kind]')) button.addEventListener('click', () => add(button.dataset.kind))
document.querySelector('#undo').addEventListener('click', () => undo.undo())

const moveTo = (id, x, y) => {
  const shape = shapes.get(id)
  // Somebody else may have removed it.
  if (shape) doc.transact(() => { shape.set('x', x); shape.set('y', y) })
}

const place = (event) => {
  const { left, top } = board.getBoundingClientRect()
  return [event.clientX - left, event.clientY - top]
}

board.addEventListener('pointerdown', (event) => {
  const id = event.target.dataset?.shape
  if (!id) return
  undo.stopCapturing()
  const [x, y] = place(event)
  const [dx, dy] = [x - shapes.get(id).get('x'), y - shapes.get(id).get('y')]
  const drag = (moved) => {
    const [x, y] = place(moved)
    moveTo(id, x - dx, y - dy)
  }
  const end = new AbortController()
  board.setPointerCapture(event.pointerId)
  board.addEventListener('pointermove', drag, { signal: end.signal })
  for (const ending of ['pointerup', 'pointercancel']) board.addEventListener(ending, () => end.abort(), { signal: end.signal })
})

const STEPS = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }
board.addEventListener('keydown', (event) => {
  const id = event.target.dataset?.shape
  if (!id || !shapes.has(id)) return
  if (event.key in STEPS) {
    const [dx, dy] = STEPS[event.key]
    moveTo(id, shapes.get(id).get('x') + dx, shapes.get(id).get('y') + dy)
    event.preventDefault()
  } else if (event.key === 'Delete' || event.key === 'Backspace') {
    shapes.delete(id)
  }
})

// Who is there: presence, which is never stored.

board.addEventListener('pointermove', (event) => provider.setAwarenessField('pointer', place(event)))
board.addEventListener('pointerleave', () => provider.setAwarenessField('pointer', null))
provider.setAwarenessField('name', person)

const pointers = new Map()
provider.on('awarenessChange', ({ states }) => {
  const there = states.filter(({ clientId, pointer }) => clientId !== doc.clientID && pointer)
  for (const [id, element] of pointers) {
    if (there.some(({ clientId }) => clientId === id)) continue
    element.remove()
    pointers.delete(id)
  }
  for (const { clientId, name, pointer: [x, y] } of there) {
    if (!pointers.has(clientId)) pointers.set(clientId, svg('text', { class: 'pointer' }))
    const element = pointers.get(clientId)
    element.textContent = `➤ ${name}`
    element.setAttribute('x', x)
    element.setAttribute('y', y)
    board.append(element)
  }
})

window.addEventListener('beforeunload', () => provider.destroy())
