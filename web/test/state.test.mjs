import assert from 'node:assert/strict'
import { it } from 'node:test'
import { stateOf, wouldLose } from '../src/state.ts'

const calm = {
  online: true,
  link: 'open',
  joined: true,
  readonly: false,
  denied: false,
  deleted: false,
  tooLarge: false,
  saved: true,
  refused: false,
  waitedMs: 0,
}
const state = (facts) => stateOf({ ...calm, ...facts })

it('says each word for its own reason', () => {
  assert.equal(state({ link: 'starting', joined: false }), 'connecting')
  assert.equal(state({ joined: false }), 'connecting')
  assert.equal(state({}), 'saved')
  assert.equal(state({ saved: false, waitedMs: 4_999 }), 'saving')
  assert.equal(state({ saved: false, waitedMs: 5_000 }), 'unsaved')
  assert.equal(state({ saved: false, refused: true }), 'unsaved')
  assert.equal(state({ link: 'closed', joined: false }), 'offline')
  assert.equal(state({ online: false }), 'offline')
  assert.equal(state({ readonly: true, saved: false }), 'readonly')
  assert.equal(state({ denied: true, joined: false }), 'no-access')
  assert.equal(state({ deleted: true, link: 'closed', joined: false, online: false }), 'deleted')
  assert.equal(state({ tooLarge: true, saved: false, refused: true }), 'too-large')
})

it('never says saved while anything speaks against it', () => {
  for (const fact of [{ saved: false }, { refused: true }, { tooLarge: true }, { denied: true }, { deleted: true }, { joined: false }, { online: false }]) {
    assert.notEqual(state(fact), 'saved')
  }
})

it('warns before a page is closed only when text would be lost', () => {
  assert.equal(wouldLose('saved', true), false)
  assert.equal(wouldLose('saving', true), true)
  assert.equal(wouldLose('offline', true), true)
  assert.equal(wouldLose('offline', false), false)
  assert.equal(wouldLose('readonly', true), false)
})
