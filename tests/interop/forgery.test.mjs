// Nobody speaks for somebody else: not for their presence, and not under a live author's id.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { coldLoad, converge, convergeForGood } from './harness/converge.mjs'
import { Raw, fresh, suite, token } from './harness/suite.mjs'
import { throughout, until } from './harness/until.mjs'
import * as wire from './harness/wire.mjs'

const context = suite()

/** A victim who is present, a witness, and a hostile editor without a library, over one protocol. */
const scene = async (kind) => {
  const name = fresh()
  const victim = context.company.hocuspocus(context.server, name, { who: 'victim' })
  const witness = context.company.yjs(context.server, name, { who: 'witness' })
  await Promise.all([victim.whenSynced(), witness.whenSynced()])
  victim.awareness.setLocalState({ user: { name: 'Victim' } })
  victim.type('mine. ')
  await victim.whenSaved()
  await until('the victim is seen', witness, () => witness.others().some(({ user }) => user?.name === 'Victim'))
  const hostile = await context.company.raw(kind === 'hocuspocus'
    ? Raw.authenticated(context.server, name, token('hostile'))
    : Raw.yjs(context.server, name, token('hostile')))
  const key = kind === 'hocuspocus' ? name : null
  // The handshake of an honest client, so that nothing below is judged as its first word.
  hostile.send(wire.sync(key, wire.STEP1, new Uint8Array([0])))
  hostile.send(wire.awareness(key, [[666, 1, { user: { name: 'Hostile' } }]]))
  await hostile.next('SyncStep1', (frame) => frame.type === wire.SYNC && frame.subtype === wire.STEP1)
  hostile.send(wire.sync(key, wire.STEP2, new Uint8Array([0, 0])))
  await until('the hostile editor is seen', witness, () => witness.others().some(({ user }) => user?.name === 'Hostile'))
  return { name, key, victim, witness, hostile }
}

/** An update that continues `doc` under its own client id, as its author did not write it. */
const forged = (doc, text) => {
  const twin = new Y.Doc()
  Y.applyUpdate(twin, Y.encodeStateAsUpdate(doc))
  twin.clientID = doc.clientID
  const before = Y.encodeStateVector(twin)
  twin.getText('text').insert(0, text)
  return Y.encodeStateAsUpdate(twin, before)
}

for (const kind of ['hocuspocus', 'y-websocket']) {
  test(`over ${kind}: presence cannot be spoken for another session's client id`, async () => {
    const { key, victim, witness, hostile } = await scene(kind)
    const id = victim.doc.clientID
    const clock = victim.awareness.meta.get(id).clock
    hostile.send(wire.awareness(key, [[id, clock + 10, { user: { name: 'Puppet' } }]]))
    hostile.send(wire.awareness(key, [[id, clock + 11, null]]))
    hostile.send(wire.awareness(key, [[id, clock, null]]))
    hostile.send(wire.awareness(key, [[666, 2, { user: { name: 'Hostile, later' } }]]))
    await until('what came after is seen', witness, () => witness.others().some(({ user }) => user?.name === 'Hostile, later'))
    assert.equal(witness.awareness.getStates().get(id)?.user.name, 'Victim')
    // And the victim goes on being heard.
    victim.awareness.setLocalStateField('cursor', 1)
    await until('the victim moves', witness, () => witness.awareness.getStates().get(id)?.cursor === 1)
  })

  test(`over ${kind}: an edit under a live author's id by another subject is not taken, and the author goes on`, async () => {
    const { name, key, victim, witness, hostile } = await scene(kind)
    const id = victim.doc.clientID
    hostile.send(wire.sync(key, wire.UPDATE, forged(victim.doc, 'forged! ')))
    // The server asks its author, who does not know it.
    if (kind === 'hocuspocus') await hostile.next('the refusal', (frame) => frame.type === wire.SYNC_STATUS && frame.status === 0)
    else await hostile.next('the refusal', (frame) => frame.type === wire.AUTH && frame.text === 'forged')
    victim.type('still mine.')
    await victim.whenSaved()
    await until('the witness has the true one', witness, () => witness.text.toString() === 'mine. still mine.')
    assert.equal(victim.doc.clientID, id, 'the victim was driven to another id')
    assert.equal(victim.acks.refused, 0)
    assert.equal((await coldLoad(context.server, name)).getText('text').toString(), 'mine. still mine.')
    await converge(context.server, [victim, witness])
  })
}

test('what stands on a forged edit is not taken either', async () => {
  const { key, victim, witness, hostile } = await scene('hocuspocus')
  const lie = forged(victim.doc, 'forged! ')
  const accomplice = new Y.Doc()
  Y.applyUpdate(accomplice, Y.encodeStateAsUpdate(victim.doc))
  Y.applyUpdate(accomplice, lie)
  accomplice.getText('text').insert(8, 'built on it ')
  hostile.send(wire.sync(key, wire.UPDATE, Y.encodeStateAsUpdate(accomplice, Y.encodeStateVector(victim.doc))))
  await hostile.next('the refusal', (frame) => frame.type === wire.SYNC_STATUS && frame.status === 0)
  victim.type('still mine.')
  await victim.whenSaved()
  await throughout('nothing of it is seen', witness, () => !/forged|built/.test(witness.text.toString()), 500)
  await convergeForGood(context.server, [victim, witness])
})

test('an author on two devices is one subject: neither is held up by the other', async () => {
  const name = fresh()
  const [phone, desk] = ['phone', 'desk'].map((who) => context.company.hocuspocus(context.server, name, { who, token: token('ada') }))
  await Promise.all([phone.whenSynced(), desk.whenSynced()])
  for (let n = 0; n < 50; n += 1) {
    phone.type('p')
    desk.type('d')
  }
  await convergeForGood(context.server, [phone, desk])
  assert.equal(phone.acks.refused + desk.acks.refused, 0)
})
