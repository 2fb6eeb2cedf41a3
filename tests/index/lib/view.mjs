// What must be equal of two documents: content, state vector, delete set; and that nothing is pending.
import * as Y from 'yjs'

const sorted = value => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value instanceof Uint8Array) return `bytes ${[...value]}`
  if (value instanceof Y.Doc) return `document ${value.guid}`
  if (value instanceof Y.AbstractType) return sorted(typeView(value))
  // Half a surrogate pair is no text: it stays with who typed it, others get U+FFFD.
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'bigint') return `bigint ${value}`
  if (value && typeof value === 'object') return Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])]))
  return value === undefined ? 'undefined' : value
}

function typeView (type) {
  if (type instanceof Y.XmlText || type instanceof Y.Text) return [type.toDelta(), type.getAttributes()]
  if (type instanceof Y.Map) return Object.fromEntries([...type.entries()])
  if (type instanceof Y.XmlElement) return [type.nodeName, type.getAttributes(), type.toArray()]
  return type.toArray()
}

export const roots = { t: 'getText', m: 'getMap', a: 'getArray', x: 'getXmlFragment' }

export function content (doc) {
  return JSON.stringify(sorted(Object.entries(roots).map(([name, get]) => typeView(doc[get](name)))))
}

export function stateVector (doc) {
  return JSON.stringify([...Y.decodeStateVector(Y.encodeStateVector(doc))].sort((a, b) => a[0] - b[0]))
}

export function deleteSet (doc) {
  const set = Y.createDeleteSetFromStructStore(doc.store)
  return JSON.stringify([...set.clients].sort((a, b) => a[0] - b[0]).map(([client, ranges]) => [client, ranges.map(r => [r.clock, r.len])]))
}

export const hasPending = doc => doc.store.pendingStructs !== null || doc.store.pendingDs !== null

export function fresh (updates, gc = true) {
  const doc = new Y.Doc({ gc })
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc
}

/** All that two replicas must agree on. */
export const whole = doc => ({ content: content(doc), stateVector: stateVector(doc), deleteSet: deleteSet(doc), pending: hasPending(doc) })
