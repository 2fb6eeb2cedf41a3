// Frames that no honest client writes: each ends in its typed refusal, and neither the server nor anybody else is disturbed.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { converge } from './harness/converge.mjs'
import { random, seed } from './harness/random.mjs'
import { Raw, fresh, suite, token } from './harness/suite.mjs'
import { turn, until } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

const context = suite()

/** Two honest people at work, one on each protocol; they must not notice anything. */
const people = async (name) => {
  const ada = context.company.hocuspocus(context.server, name, { who: 'ada' })
  const ben = context.company.yjs(context.server, name, { who: 'ben' })
  await Promise.all([ada.whenSynced(), ben.whenSynced()])
  return [ada, ben]
}

const undisturbed = async ([ada, ben]) => {
  const before = ada.text.length
  ada.type('still ')
  ben.type('here ')
  await until('both go on', [ada, ben], () => ada.text.length >= before + 11 && ben.text.length >= before + 11)
  await ada.whenSaved()
  await converge(context.server, [ada, ben])
  for (const { closes } of [ada, ben]) assert.deepEqual(closes, [])
  assert.equal((await context.server.request('GET', '/health/ready')).status, 200)
}

const bytes = (...values) => new Uint8Array(values)
const bad = {
  'an empty frame': bytes(),
  'a number without an end': bytes(0xff, 0xff, 0xff),
  'a sync message without a body': bytes(0, 2),
  'an unknown sync sub-type': bytes(0, 9, 0),
  'an update that promises more than it brings': bytes(0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 1),
  'presence that is no JSON': bytes(1, 5, 1, 1, 1, 1, 0x7b)
}

for (const [what, frame] of Object.entries(bad)) {
  test(`over y-websocket: ${what} disturbs nobody`, async () => {
    const name = fresh()
    const others = await people(name)
    const raw = await context.company.raw(Raw.yjs(context.server, name, token('hostile')))
    raw.send(frame)
    // Ignored or closed for good; never a loop, so a code of 44xx if it is closed.
    raw.send(wire.sync(null, wire.STEP1, bytes(0)))
    await until('an answer or the end', raw, () => raw.end || raw.frames.some(({ type, subtype }) => type === wire.SYNC && subtype === wire.STEP2))
    if (raw.end) assert.ok(raw.end.code >= 4400 && raw.end.code < 4500, JSON.stringify(raw.end))
    await undisturbed(others)
  })
}

const key = (name) => {
  const text = Buffer.from(name)
  return Buffer.concat([Buffer.from([text.length]), text])
}
const badBodies = {
  'a sync message without a body': bytes(0, 2),
  'an unknown sync sub-type': bytes(0, 9, 0),
  'presence cut in the middle': bytes(1, 5, 1, 1),
  'a message that only a server sends': bytes(6, 1, 0x61)
}

for (const [what, body] of Object.entries(badBodies)) {
  test(`over hocuspocus: ${what} closes that document and leaves the socket`, async () => {
    const [name, other] = [fresh('this'), fresh('other')]
    const others = await people(name)
    const raw = await context.company.raw(Raw.authenticated(context.server, name, token('hostile')))
    raw.send(wire.auth(other, token('hostile')))
    raw.send(Buffer.concat([key(name), body]))
    const closed = await raw.next('CLOSE', (frame) => frame.type === wire.CLOSE && frame.key === name)
    assert.match(closed.text, /^(bad-frame|protocol-mistake)$/)
    raw.send(wire.sync(other, wire.STEP1, bytes(0)))
    await raw.next('the other document is served', (frame) => frame.key === other && frame.type === wire.SYNC && frame.subtype === wire.STEP2)
    assert.equal(raw.end, null)
    await undisturbed(others)
  })
}

test('over hocuspocus: a frame without a readable key ends its socket, with 4400', async () => {
  const others = await people(fresh())
  const raw = await context.company.raw(Raw.authenticated(context.server, fresh(), token('hostile')))
  raw.send(bytes(0xff, 0xff, 0xff))
  assert.equal((await raw.whenEnded()).code, 4400)
  await undisturbed(others)
})

test('over hocuspocus: an unknown message type is ignored, a Pong is nothing', async () => {
  const name = fresh()
  const raw = await context.company.raw(Raw.authenticated(context.server, name, token('someone')))
  raw.send(bytes(wire.PONG))
  raw.send(Buffer.concat([key(name), bytes(99, 1, 2, 3)]))
  raw.send(wire.sync(name, wire.STEP1, bytes(0)))
  await raw.next('SyncStep2', (frame) => frame.type === wire.SYNC && frame.subtype === wire.STEP2)
  assert.equal(raw.end, null)
})

test('an update that Yjs could not apply is refused with 0, and nothing of it is taken', async () => {
  const name = fresh()
  const others = await people(name)
  const raw = await context.company.raw(Raw.authenticated(context.server, name, token('hostile')))
  const garbage = [bytes(1, 1, 1, 0, 31, 1, 1, 0x74), bytes(1, 1, 1, 0, 4, 1, 1, 0x74, 2, 0xff, 0xfe, 0), bytes(0xff)]
  for (const update of garbage) raw.send(wire.sync(name, wire.UPDATE, update))
  await until('each is answered', raw, () => raw.frames.filter(({ type, status }) => type === wire.SYNC_STATUS && status === 0).length === garbage.length)
  await undisturbed(others)
})

test('text frames are a mistake that ends only their sender', async () => {
  const name = fresh()
  const others = await people(name)
  const raw = await context.company.raw(Raw.yjs(context.server, name, token('hostile')))
  raw.socket.send('text')
  const { code } = await raw.whenEnded()
  assert.ok(code >= 4400 && code < 4500)
  await undisturbed(others)
})

test('two thousand mutated frames of a real session disturb nobody', async (t) => {
  const name = fresh()
  const others = await people(name)
  const draw = random(seed)
  t.diagnostic(`seed ${seed}`)
  const doc = new Y.Doc()
  const frames = []
  doc.on('update', (update) => frames.push(update))
  for (let n = 0; n < 50; n += 1) {
    doc.getText('text').insert(draw.below(doc.getText('text').length + 1), `word ${n} `)
    if (n % 5 === 0) doc.getText('text').delete(0, 3)
    doc.getMap('map').set(`k${n % 7}`, { n })
  }
  let raw = null
  for (let n = 0; n < 2_000; n += 1) {
    if (raw === null || raw.end) raw = await context.company.raw(Raw.authenticated(context.server, name, token('hostile')))
    const update = Uint8Array.from(draw.pick(frames))
    for (let flips = 1 + draw.below(4); flips > 0; flips -= 1) update[draw.below(update.length)] = draw.below(256)
    const frame = wire.sync(name, draw.pick([wire.STEP1, wire.STEP2, wire.UPDATE]), update)
    if (draw.below(10) === 0) frame[name.length + 1 + draw.below(frame.length - name.length - 1)] = draw.below(256)
    raw.send(frame)
    if (n % 50 === 0) await turn()
    if (raw.frames.some(({ type }) => type === wire.CLOSE)) raw = null
  }
  const [ada, ben] = others
  ada.doc.getMap('ada').set('still', 'here')
  await ada.whenSaved()
  await until('ben has it', ben, () => ben.doc.getMap('ada').get('still') === 'here')
  for (const { doc, closes } of others) {
    assert.deepEqual(closes, [])
    assert.equal(doc.store.pendingStructs, null, 'something was relayed that a Yjs cannot integrate')
  }
  const newcomer = context.company.hocuspocus(context.server, name, { who: 'newcomer' })
  await newcomer.whenSynced()
  assert.equal(newcomer.doc.store.pendingStructs, null)
  assert.equal(newcomer.doc.getMap('ada').get('still'), 'here')
})

test('a name that is not allowed is refused in each protocol', async () => {
  for (const [name, escaped] of [['a'.repeat(256), 'a'.repeat(256)], ['line\nbreak', 'line%0Abreak'], [' ', '%20']]) {
    const raw = await context.company.raw(Raw.yjs(context.server, escaped, token('someone')))
    assert.deepEqual(await raw.whenEnded(), { code: 4422, reason: 'name-not-allowed' })
    const socket = await context.company.raw(Raw.hocuspocus(context.server))
    socket.send(wire.auth(name, token('someone')))
    const denied = await socket.next('PermissionDenied', (frame) => frame.type === wire.AUTH && frame.subtype === wire.DENIED)
    assert.equal(denied.text, 'name-not-allowed')
    assert.equal(denied.key, name)
  }
})
