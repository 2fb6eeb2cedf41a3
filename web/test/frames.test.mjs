import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readFrame } from '../src/frames.ts'

const frame = (hex) => readFrame(Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (byte) => parseInt(byte, 16)))

it('names the frames that matter for what is saved', () => {
  assert.deepEqual(frame('04646f6331 00 00 0100'), { kind: 'question' })
  assert.deepEqual(frame('04646f6331 00 01 020000'), { kind: 'answer' })
  assert.deepEqual(frame('04646f6331 00 02 0c010101000401017402686900'), { kind: 'update' })
  assert.deepEqual(frame('04646f6331 08 01'), { kind: 'status', stored: true })
  assert.deepEqual(frame('04646f6331 08 00'), { kind: 'status', stored: false })
  assert.deepEqual(frame('04646f6331 02 00'), { kind: 'token-wanted' })
  assert.deepEqual(frame('04646f6331 07 12 70726f76696465725f696e69746961746564'), { kind: 'closed', reason: 'provider_initiated' })
})

it('passes over everything else, also what cannot be read', () => {
  for (const hex of ['', '09', '04646f', '04646f6331 01 00', '04646f6331 02 02 0a726561642d7772697465', '04646f6331 00 05', 'ffffffffff']) {
    assert.deepEqual(frame(hex), { kind: 'other' }, hex)
  }
})
