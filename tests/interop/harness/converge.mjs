/**
 * "Converged" means: equal in content, state vector and delete set, to each other and to a cold load, with nothing pending.
 */
import assert from 'node:assert/strict'

import * as Y from 'yjs'

import { HClient, kinds, open } from './clients.mjs'
import { token as mint } from './tokens.mjs'
import { until } from './until.mjs'

const byClient = ([one], [other]) => one - other

/** What a client has of every author, as sorted pairs. */
export const clocks = (doc) => [...Y.decodeStateVector(Y.encodeStateVector(doc))].filter(([, clock]) => clock > 0).sort(byClient)

/** Everything deleted, as sorted `[client, [[clock, length], …]]`, neighbours joined. */
export const deletions = (doc) => [...Y.createDeleteSetFromStructStore(doc.store).clients].map(([client, items]) => {
  const joined = []
  for (const { clock, len } of items.slice().sort((one, other) => one.clock - other.clock)) {
    const last = joined.at(-1)
    if (last && last[0] + last[1] === clock) last[1] += len
    else joined.push([clock, len])
  }
  return [client, joined]
}).sort(byClient)

/** Plain data with the keys of objects in order, since the order of arrival is no part of the content. */
const ordered = (value) => {
  if (Array.isArray(value)) return value.map(ordered)
  if (value instanceof Uint8Array) return [...value]
  if (value instanceof Y.Doc) return { guid: value.guid }
  if (value instanceof Y.AbstractType) return content(value)
  if (value === null || typeof value !== 'object') return value === undefined ? 'undefined' : value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])]))
}

const content = (type) => {
  if (type instanceof Y.Text) return ordered(type.toDelta())
  if (type instanceof Y.XmlElement || type instanceof Y.XmlFragment) return type.toString()
  if (type instanceof Y.Map) return ordered(Object.fromEntries(type.entries()))
  return ordered(type.toArray())
}

/**
 * All that must be equal, in one value. `types` gives the shared types by name, since a document that was only loaded
 * does not know them until it is asked.
 *
 * @param {Y.Doc} doc
 * @param {Array<[string, new () => Y.AbstractType<unknown>]>} types
 */
export const digest = (doc, types) => ({
  content: Object.fromEntries(types.map(([name, type]) => [name, content(doc.get(name, type))])),
  clocks: clocks(doc),
  deletions: deletions(doc),
  pending: doc.store.pendingStructs === null && doc.store.pendingDs === null ? 'nothing' : 'something'
})

/** The shared types that any of the documents has defined. */
export const typesOf = (docs) => {
  const found = new Map()
  for (const doc of docs) {
    for (const [name, type] of doc.share) if (type.constructor !== Y.AbstractType) found.set(name, type.constructor)
  }
  return [...found].sort(([one], [other]) => one < other ? -1 : 1)
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other)

/** Cheap first: the whole digest is only made when the clocks agree. */
const equal = (clients, types) => {
  const [first, ...rest] = clients.map(({ doc }) => doc)
  const known = clocks(first)
  if (!rest.every((doc) => same(clocks(doc), known))) return false
  const whole = digest(first, types)
  return whole.pending === 'nothing' && rest.every((doc) => same(digest(doc, types), whole))
}

/**
 * A document as somebody sees it who never saw it before.
 *
 * @param {object} server
 * @param {string} name
 * @param {{ kind?: string, token?: string, milliseconds?: number }} [how]
 * @returns {Promise<Y.Doc>}
 */
export const coldLoad = async (server, name, { kind = 'hocuspocus', token = mint('cold load'), milliseconds } = {}) => {
  const client = open(kind, server, name, { token, who: 'cold load' })
  try {
    await client.whenSynced(milliseconds)
    return client.doc
  } finally {
    client.destroy()
  }
}

const assertCold = async (server, name, live, how) => {
  const types = typesOf(live)
  const wanted = digest(live[0], types)
  for (const kind of kinds) {
    const cold = await coldLoad(server, name, { ...how, kind })
    assert.deepEqual(digest(cold, types), wanted, `a cold load over ${kind} differs from the live document`)
  }
}

/**
 * Waits until all clients are equal, and asserts that a fresh client of either protocol gets the same.
 *
 * @param {object} server
 * @param {import('./clients.mjs').HClient[]} clients all on one document
 * @param {{ token?: string, milliseconds?: number }} [how] the token of the fresh clients
 */
export const converge = async (server, clients, how = {}) => {
  const { name } = clients[0]
  await until(`all ${clients.length} clients of ${JSON.stringify(name)} are equal`, clients, () => {
    return clients.every(({ synced }) => synced) && equal(clients, typesOf(clients.map(({ doc }) => doc)))
  }, how.milliseconds)
  await assertCold(server, name, clients.map(({ doc }) => doc), how)
}

/**
 * The same, and once more after everybody has left and the server was started anew, so that only what was stored counts.
 */
export const convergeForGood = async (server, clients, how = {}) => {
  await converge(server, clients, how)
  for (const client of clients) if (client instanceof HClient && client.acks.refused === 0) await client.whenSaved(how.milliseconds)
  for (const client of clients) client.destroy()
  await server.restart()
  await assertCold(server, clients[0].name, clients.map(({ doc }) => doc), how)
}
