import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ledger } from '../src/saved.ts'

/** A ledger after a handshake that the server has confirmed. */
function settled() {
  const ledger = new Ledger()
  ledger.opened(0)
  ledger.sentQuestion(0)
  ledger.receivedQuestion(1)
  ledger.receivedStatus(true)
  return ledger
}

describe('the ledger', () => {
  it('says saved only after the answer of the handshake is confirmed', () => {
    const ledger = new Ledger()
    ledger.opened(0)
    assert.equal(ledger.saved, false)
    ledger.sentQuestion(0)
    assert.equal(ledger.saved, false)
    ledger.receivedQuestion(1)
    assert.equal(ledger.saved, false)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('counts every edit after that', () => {
    const ledger = settled()
    ledger.sentUpdate(2)
    ledger.sentUpdate(3)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, false)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('does not take the confirmation of an edit for that of the handshake', () => {
    const ledger = new Ledger()
    ledger.opened(0)
    ledger.sentQuestion(0)
    ledger.sentUpdate(1)
    ledger.receivedQuestion(2)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, false)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('expects nothing for a question that the server asks in mid-session', () => {
    const ledger = settled()
    ledger.receivedQuestion(2)
    assert.equal(ledger.saved, true)
    ledger.sentUpdate(3)
    ledger.receivedQuestion(4)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('starts over with every question of ours', () => {
    const ledger = settled()
    ledger.sentQuestion(5)
    assert.equal(ledger.saved, false)
    ledger.receivedQuestion(6)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('does not take late confirmations from before a question for later edits', () => {
    const ledger = settled()
    ledger.sentUpdate(2)
    ledger.sentUpdate(3)
    ledger.sentQuestion(4)
    ledger.sentUpdate(5)
    ledger.receivedStatus(true)
    ledger.receivedStatus(true)
    ledger.receivedQuestion(6)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, false, 'the answer is still out')
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('owes nothing for edits that left before the login', () => {
    const ledger = new Ledger()
    ledger.opened(0)
    ledger.sentUpdate(1)
    ledger.sentUpdate(2)
    ledger.sentQuestion(3)
    ledger.receivedQuestion(4)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('forgets what was owed when the connection ends, and is not saved', () => {
    const ledger = settled()
    ledger.sentUpdate(2)
    ledger.closed(3)
    assert.equal(ledger.saved, false)
    ledger.opened(4)
    ledger.sentQuestion(4)
    ledger.receivedQuestion(5)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, true)
  })

  it('is never saved again on a connection where something was refused', () => {
    const ledger = settled()
    ledger.sentUpdate(2)
    ledger.receivedStatus(false)
    assert.equal(ledger.refused, true)
    ledger.sentUpdate(3)
    ledger.receivedStatus(true)
    assert.equal(ledger.saved, false)
  })

  it('tells how long the oldest thing has waited', () => {
    const ledger = settled()
    assert.equal(ledger.waitedMs(1_000), 0)
    ledger.sentUpdate(1_000)
    ledger.sentUpdate(3_000)
    assert.equal(ledger.waitedMs(4_000), 3_000)
    ledger.receivedStatus(true)
    assert.equal(ledger.waitedMs(4_000), 1_000)
  })

  it('is saved exactly when nothing is outstanding, whatever the order (2,000 random sessions)', () => {
    let seed = 7
    const below = (n) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n
    for (let run = 0; run < 2_000; run += 1) {
      const ledger = new Ledger()
      ledger.opened(0)
      // The server: what has arrived in order, and what it has still to say.
      let due = []
      let asked = false
      ledger.sentQuestion(0)
      for (let step = 0; step < 30; step += 1) {
        const dice = below(4)
        if (dice === 0) {
          ledger.sentUpdate(step)
          due.push('update')
        } else if (dice === 1 && !asked) {
          asked = true
          ledger.receivedQuestion(step)
          due.push('answer')
        } else if (dice === 2 && asked) {
          ledger.receivedQuestion(step)
        } else if (due.length > 0 && asked) {
          due.shift()
          ledger.receivedStatus(true)
        }
        assert.equal(ledger.saved, asked && due.length === 0)
      }
    }
  })
})
