/** Everything hostile that one socket can send, as a table: what, how it is told, under which name it is counted. */
import * as Y from 'yjs'

import * as forge from './forge.mjs'
import { pack, raw } from './forge.mjs'
import * as wire from './wire.mjs'

const range = (count, make) => Array.from({ length: count }, (_, n) => make(n))
/** What is a million in the long form. */
const MILLION = process.env.ATTACK_COST === '1' ? 1_000_000 : 100_000
const MAX = Number.MAX_SAFE_INTEGER
const LYING = 2 ** 50

/** An update by an honest Yjs, to be spoiled. */
const honest = () => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'honest text of some length')
  doc.getMap('map').set('key', { a: [1, 2, 3] })
  return Y.encodeStateAsUpdate(doc)
}

/** Updates that are refused whole, with the rule that each breaks. */
const refusedWhole = {
  'half of an honest update': [() => honest().slice(0, 30), 'truncated'],
  'a number that never ends': [() => raw(...Array(12).fill(0xff)), 'integer'],
  'a clock above 2^53': [() => forge.update([{ client: 1, clock: MAX, structs: [forge.text('ab')] }]), 'clock'],
  'a deletion above 2^53': [() => forge.update([], [[1, [[MAX, 2]]]]), 'clock'],
  'text that is no UTF-8': [() => forge.one(forge.item(forge.STRING, raw(2, 0xff, 0xfe))), 'utf8'],
  'an embed that is no JSON': [() => forge.one(forge.item(forge.EMBED, pack('{'))), 'json'],
  'a format that is no JSON': [() => forge.one(forge.item(forge.FORMAT, pack('bold', 'nope'))), 'json'],
  'a JSON content that is no JSON': [() => forge.one(forge.item(forge.JSON_, pack(1, '[1,'))), 'json'],
  'an unknown value': [() => forge.one(forge.item(forge.ANY, raw(1, 115))), 'any-tag'],
  'an unknown content': [() => forge.one(forge.item(11, raw(1))), 'content-ref'],
  'the highest unknown content': [() => forge.one(forge.item(31, raw(1))), 'content-ref'],
  'an unknown type': [() => forge.one(forge.item(forge.TYPE, raw(7))), 'type-ref'],
  'a GC with other bits': [() => forge.one(pack(raw(0x80), 1)), 'info-bits'],
  'a Skip with other bits': [() => forge.one(pack(raw(forge.SKIP | 0x20), 1)), 'info-bits'],
  'a GC of nothing': [() => forge.one(forge.gone(0)), 'zero-length'],
  'text of nothing': [() => forge.one(forge.text('')), 'zero-length'],
  'values of nothing': [() => forge.one(forge.item(forge.ANY, raw(0))), 'zero-length'],
  'a deletion of nothing': [() => forge.update([], [[1, [[0, 0]]]]), 'zero-length'],
  'a client that is listed twice': [() => forge.update([{ client: 1, structs: [forge.text('a')] }, { client: 1, clock: 1, structs: [forge.text('b')] }]), 'repeated-client'],
  'an origin of its own': [() => forge.one(forge.text('a', { origin: [1, 0] })), 'forward-reference'],
  'an origin that comes later': [() => forge.one(forge.text('a', { origin: [1, 9] })), 'forward-reference'],
  'a right origin that comes later': [() => forge.one(forge.text('a', { right: [1, 9] })), 'forward-reference'],
  'a parent that comes later': [() => forge.one(forge.text('a', { parent: [1, 9] })), 'forward-reference'],
  'a sub-document whose options are text': [() => forge.one(forge.item(forge.DOCUMENT, pack('guid', raw(119), 'text'))), 'document-options'],
  'an object that passes for bytes': [() => forge.one(forge.item(forge.ANY, pack(1, raw(118), 1, '__proto__', raw(116), 1, raw(7)))), 'prototype'],
  'values 65 deep': [() => forge.one(forge.item(forge.ANY, pack(1, forge.nested(65, raw(117, 1), raw(126))))), 'nesting'],
  'values 40,000 deep': [() => forge.one(forge.item(forge.ANY, pack(1, forge.nested(40_000, raw(117, 1), raw(126))))), 'nesting'],
  'objects 40,000 deep': [() => forge.one(forge.item(forge.ANY, pack(1, forge.nested(40_000, pack(raw(118), 1, 'k'), raw(126))))), 'nesting'],
  'JSON 40,000 deep': [() => forge.one(forge.item(forge.EMBED, pack('['.repeat(40_000) + ']'.repeat(40_000)))), 'nesting'],
  'a lie about blocks': [() => pack(LYING), 'truncated'],
  'a lie about structs': [() => forge.update([{ client: 1, structs: [forge.text('a')], count: LYING }]), 'truncated'],
  'a lie about the length of text': [() => forge.one(forge.item(forge.STRING, pack(LYING, raw(97)))), 'truncated'],
  'a lie about values': [() => forge.one(forge.item(forge.ANY, pack(LYING, raw(126)))), 'any-tag'],
  'a lie about an array': [() => forge.one(forge.item(forge.ANY, pack(1, raw(117), LYING, raw(126)))), 'any-tag'],
  'a lie about JSON texts': [() => forge.one(forge.item(forge.JSON_, pack(LYING, 'null'))), 'json'],
  'a lie about bytes': [() => forge.one(forge.item(forge.BINARY, pack(LYING, raw(1)))), 'truncated'],
  'a lie about clients that delete': [() => pack(0, LYING), 'truncated'],
  'a lie about deleted ranges': [() => pack(0, 1, 1, LYING), 'truncated'],
  'two clients that need one another': [() => forge.update([{ client: 2, structs: [forge.text('a', { origin: [1, 0] })] }, { client: 1, structs: [forge.text('b', { origin: [2, 0] })] }]), 'cycle'],
  'types 40,000 deep': [() => forge.update([{ client: 1, structs: range(40_000, (n) => forge.item(forge.TYPE, raw(0), { parent: n === 0 ? 'list' : [1, n - 1] })) }]), 'depth'],
  // Behind 4 MiB that are sound, so that they are read first.
  'a broken end behind 4 MiB': [() => forge.update([{ client: 1, structs: [...range(0.7 * MILLION, (n) => forge.text('a', n === 0 ? {} : { origin: [1, n - 1] })), forge.item(11, raw(1))] }]), 'content-ref']
}

/** So many letters of which every other is deleted, letters and deletions in one update. */
const holes = (count) => forge.update([{ client: 1, structs: [forge.text('x'.repeat(2 * count))] }], [[1, range(count, (n) => [2 * n, 1])]])

/** Three million values of one key in one struct, left of this one. */
const valuesBeside = (right) => forge.update([{ client: 2, structs: [forge.item(forge.ANY, pack(3_000_000, Buffer.alloc(3_000_000, 126)), { right: [1, 0], key: 'k' })] }, { client: 1, structs: [right] }])

/** Updates that are sound, however strange: taken, and no Yjs minds. With a reason: refused for it in part. */
const strange = {
  'a length of 2^53': [() => forge.one(forge.gone(MAX))],
  'a deleted length of 2^53, deleted again': [() => forge.update([{ client: 1, structs: [forge.item(forge.DELETED, pack(MAX), { parent: 'list' })] }], [[1, [[0, MAX]]]])],
  'a parent that is text': [() => forge.update([{ client: 1, structs: [forge.text('a'), forge.text('b', { parent: [1, 0] })] }])],
  '40,000 deleted holes': [() => holes(40_000)],
  '400,000 deleted holes': [() => holes(400_000), 'pieces'],
  'a million deleted ranges backwards': [() => forge.update([{ client: 1, structs: [forge.gone(2 * MILLION + 1)] }], [[1, range(MILLION, (n) => [2 * MILLION - 2 * n, 1])]])],
  'a million times the same deletion': [() => forge.update([{ client: 1, structs: [forge.gone(1_000)] }], [[1, range(MILLION, () => [0, 1_000])]])],
  'a million values': [() => forge.one(forge.item(forge.ANY, pack(MILLION, Buffer.alloc(MILLION, 126)), { parent: 'list' }))],
  'two clients that take turns': [() => forge.update([2, 1].map((client) => ({ client, structs: range(0.1 * MILLION, (n) => forge.text('a', n === 0 && client === 1 ? {} : { origin: client === 2 ? [1, n] : [2, n - 1] })) })))],
  'a chain of clients': [() => forge.update(range(40_000, (n) => ({ client: 40_000 - n, structs: [forge.text('a', n === 39_999 ? {} : { origin: [39_999 - n, 0] })] })))],
  '700,000 structs of one letter': [() => forge.update([{ client: 1, structs: range(0.7 * MILLION, (n) => (n % 2 === 0 ? forge.text('a', n === 0 ? {} : { origin: [1, n - 1] }) : forge.item(forge.EMBED, pack('1'), { origin: [1, n - 1] }))) }])],
  '400,000 keys': [() => forge.update([{ client: 1, structs: range(0.4 * MILLION, (n) => forge.item(forge.ANY, raw(1, 126), { parent: 'map', key: `k${n}` })) }])],
  // Yjs itself compares each of these with all before it: more of them would hold up the readers, not the server.
  '2,000 values of one key, side by side': [() => forge.update([{ client: 1, structs: range(2_000, () => forge.item(forge.ANY, raw(1, 126), { parent: 'map', key: 'k' })) }])],
  // Each is one struct as it comes, and more than a document may have as it is held.
  'three million values of one key that would fall apart': [() => valuesBeside(forge.item(forge.ANY, raw(1, 126), { parent: 'map', key: 'k' })), 'pieces'],
  'three million values of one key of what is collected': [() => valuesBeside(forge.gone(1)), 'pieces'],
  'text that its deletions would cut into three million': [() => holes(1_500_000), 'pieces'],
  'a million clients': [() => forge.update(range(MILLION, (n) => ({ client: 2 * MILLION - n, structs: [forge.gone(1)] }))), 'full'],
  'a million clients in no order': [() => forge.update(range(MILLION, (n) => ({ client: 1 + (n * 7_919) % (MILLION + 3), structs: [forge.gone(1)] }))), 'full']
}

/** Updates that need what nobody has: asked for three times, then refused. */
const gaps = {
  'a gap': [() => forge.update([{ client: 1, clock: 5, structs: [forge.text('a')] }])],
  'a gap behind a Skip': [() => forge.update([{ client: 1, structs: [forge.skip(5), forge.text('a')] }])],
  'an origin that nobody has': [() => forge.one(forge.text('a', { origin: [77, 7] }))],
  'a right origin that nobody has': [() => forge.one(forge.text('a', { right: [77, 7] }))],
  'a parent that nobody has': [() => forge.one(forge.text('a', { parent: [77, 7] }))],
  'a deletion of what nobody has': [() => forge.update([], [[77, [[0, 7]]]])],
  'deletions by a million clients that nobody knows': [() => forge.update([], range(MILLION, (n) => [n + 1, [[0, 1]]]))],
  'a million gaps': [() => forge.update(range(MILLION, (n) => ({ client: 2 * MILLION - n, clock: 1, structs: [forge.gone(1)] })))]
}

/** Under the next clock of somebody who is there: who is asked for it, and does not know it. */
const forgedClock = (length) => (key, { clientID, store }) => {
  const clock = store.clients.get(clientID).reduce((end, { id, length }) => Math.max(end, id.clock + length), 0)
  return [wire.sync(key, wire.UPDATE, forge.update([{ client: clientID, clock, structs: [forge.text('x'.repeat(length), { origin: [clientID, clock - 1] })] }]))]
}

/** Frames behind a document's key; `told` as below. */
const badFrames = {
  'a frame without a type': [() => raw(), 'bad-frame'],
  'a type that never ends': [() => raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 'bad-frame'],
  'a sync message without a sub-type': [() => raw(0), 'bad-frame'],
  'an unknown sync sub-type': [() => raw(0, 9, 0), 'bad-frame'],
  'an update that is shorter than it says': [() => pack(0, 2, LYING, raw(1)), 'bad-frame'],
  'a state vector that is shorter than it says': [() => pack(0, 0, LYING), 'bad-frame'],
  'presence that is shorter than it says': [() => pack(1, LYING), 'bad-frame'],
  'an Auth without a token': [() => raw(2, 0), 'bad-frame'],
  'an Auth that lies about its token': [() => pack(2, 0, LYING), 'bad-frame'],
  'a stateless message that is shorter than it says': [() => pack(5, LYING), 'bad-frame'],
  'a stateless message that is no UTF-8': [() => raw(5, 2, 0xff, 0xfe), 'bad-frame'],
  'a message that only a server sends': [() => raw(6, 1, 0x61), 'protocol-mistake']
}

const presence = (...parts) => pack(1, (() => { const inner = pack(...parts); return [inner.length, inner] })())

/** Presence that is ignored, and counted; what follows is heard. */
const badPresence = {
  'presence that lies about entries': [() => presence(LYING), 'presence-refused'],
  'presence that is no JSON': [() => presence(1, 5, 1, '{'), 'presence-refused'],
  'presence 40,000 deep': [() => presence(1, 5, 1, '['.repeat(40_000) + ']'.repeat(40_000)), 'presence-refused'],
  'a presence of 5 KiB': [() => presence(1, 5, 1, JSON.stringify('x'.repeat(5 * 1024))), 'presence-refused'],
  '40,000 presences': [() => presence(40_000, range(40_000, (n) => [n + 1, 1, '{}'])), 'presence-foreign'],
  'a million presences': [() => presence(MILLION, range(MILLION, (n) => [n + 1, 1, '{}'])), 'presence-refused']
}

/** What a SyncStep1 asks for, however strange, is answered. */
const questions = {
  'a state vector that lies about clients': [() => pack(LYING)],
  'a state vector of a million clients': [() => pack(MILLION, range(MILLION, (n) => [2 * MILLION - n, 1]))],
  'a state vector of a million clients in no order': [() => pack(MILLION, range(MILLION, (n) => [1 + (n * 7_919) % (MILLION + 3), 1]))],
  'a state vector of one client, a million times': [() => pack(MILLION, range(MILLION, (n) => [7, n]))]
}

const rows = (table, row) => Object.entries(table).map(([what, made]) => ({ what, ...row(...made) }))
const updated = (make) => (key) => [wire.sync(key, wire.UPDATE, make())]
const framed = (make) => (key) => [Buffer.concat([pack(key), make()])]

/**
 * All attacks: `frames(key, doc)` makes what is sent for a document, which the reader's `doc` holds, `told` says how it is
 * answered, `reason` under which name it is counted, `slow` that it takes seconds by design, `victim` that what the reader
 * wrote must be there first.
 */
export const attacks = [
  ...rows(refusedWhole, (make, reason) => ({ frames: updated(make), told: 'refused', reason })),
  ...rows(strange, (make, reason = null) => ({ frames: updated(make), told: reason ? 'refused' : 'taken', reason })),
  ...rows(gaps, (make) => ({ frames: updated(make), told: 'refused', reason: null, slow: true, answer: make })),
  { what: "an author's forged next clock", frames: forgedClock(1), told: 'refused', reason: 'forged', victim: true },
  { what: "a MiB under an author's forged next clock", frames: forgedClock(1 << 20), told: 'refused', reason: 'forged', victim: true },
  ...rows(badFrames, (make, code) => ({ frames: framed(make), told: 'closed', code, reason: code })),
  ...rows(badPresence, (make, reason) => ({ frames: framed(make), told: 'ignored', reason })),
  ...rows(questions, (make) => ({ frames: (key) => [wire.sync(key, wire.STEP1, make())], told: 'answered', reason: null })),
  { what: 'an update of 17 MiB', frames: updated(() => new Uint8Array(17 * 1024 * 1024)), told: 'refused', reason: 'too-large' },
  { what: 'an update of 64 MiB', frames: updated(() => new Uint8Array(64 * 1024 * 1024)), told: 'refused', reason: 'too-large' },
  { what: 'a stateless message of 8 MiB', frames: (key) => [wire.textual(key, wire.STATELESS, 'x'.repeat(8 * 1024 * 1024))], told: 'ignored', reason: null },
  { what: 'a token of 60 KiB', frames: (key) => [wire.auth(`${key}-other`, 'x'.repeat(60 * 1024))], told: 'ignored', reason: 'unauthenticated' },
  { what: 'a token whose header is 20,000 deep', frames: (key) => [wire.auth(`${key}-other`, `${Buffer.from('['.repeat(20_000)).toString('base64url')}.e30.x`)], told: 'ignored', reason: 'unauthenticated' },
  { what: 'a key of 8 MiB', frames: () => [wire.auth('k'.repeat(8 * 1024 * 1024), 'x')], told: 'ignored', reason: 'name-not-allowed' },
  { what: '1,000 tiny updates that are no updates', frames: (key) => range(1_000, () => wire.sync(key, wire.UPDATE, raw(0xff))), told: 'refused', times: 1_000, reason: 'truncated' },
  { what: 'text instead of bytes', frames: () => ['text'], told: 'cut off', code: 4400, reason: 'protocol-mistake' },
  { what: 'a frame without a readable key', frames: () => [raw(0xff, 0xff, 0xff)], told: 'cut off', code: 4400, reason: 'bad-frame' }
]
