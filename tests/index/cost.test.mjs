import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as encoding from 'lib0/encoding'
import { Oracle } from './lib/oracle.mjs'

/** The structs of a shape, and how many times fewer its smaller twin has. */
const size = 300000
const smaller = 8
/** What the greater may cost of the smaller: in proportion it is 8 times, caches make it 15, and a square 64. */
const growthMax = 28
/** Below this, in ms, there is nothing to compare: a clock's and an allocator's noise. */
const noise = 2
/** How often a shape is tried before its growth is believed. */
const runsMax = 8
/** The limits of a document: bytes, client ids, structs. */
const limits = [64 << 20, 50000, 2000000]

const write = f => { const e = encoding.createEncoder(); f(e, n => encoding.writeVarUint(e, n)); return encoding.toUint8Array(e) }
const text = (e, value) => encoding.writeVarString(e, value)
const letter = (e, uint, origin) => {
  encoding.writeUint8(e, origin ? 0x84 : 4)
  if (origin) { uint(origin[0]); uint(origin[1]) } else { uint(1); text(e, 't') }
  text(e, 'a')
}
const block = (uint, structs, client, clock) => { uint(structs); uint(client); uint(clock) }
const shuffled = n => Array.from({ length: n }, (_, i) => (i * 7919 + 13) % n)

/** Hostile shapes: what is admitted first, and what is timed. */
const shapes = {
  'many clients, the lowest first': n => [[], [write((e, uint) => { uint(n); for (let c = 1; c <= n; c++) { block(uint, 1, c, 0); letter(e, uint) } uint(0) })]],
  'many structs that cannot join': n => [[], [write((e, uint) => { uint(1); block(uint, n, 1, 0); for (let i = 0; i < n; i++) letter(e, uint); uint(0) })]],
  'clients that wait for one another by turns': n => [[], [write((e, uint) => {
    uint(2)
    block(uint, n, 2, 0); for (let i = 0; i < n; i++) letter(e, uint, [1, i])
    block(uint, n, 1, 0); for (let i = 0; i < n; i++) letter(e, uint, i ? [2, i - 1] : null)
    uint(0)
  })]],
  'a chain of clients that wait for the next lower': n => [[], [write((e, uint) => { uint(n); for (let c = n; c >= 1; c--) { block(uint, 1, c, 0); letter(e, uint, c > 1 ? [c - 1, 0] : null) } uint(0) })]],
  'a chain of clients that ends in a gap': n => [[], [write((e, uint) => { uint(n); for (let c = n; c >= 1; c--) { block(uint, 1, c, 0); letter(e, uint, [c - 1, 0]) } uint(0) })]],
  'a text cut by many ranges': n => [[write((e, uint) => { uint(1); block(uint, 1, 1, 0); uint(4); uint(1); text(e, 't'); text(e, 'ab'.repeat(n)); uint(0) })], [write((e, uint) => { uint(0); uint(1); uint(1); uint(n); for (let i = 0; i < n; i++) { uint(2 * i); uint(1) } })]],
  'a text cut by many ranges in no order': n => [[write((e, uint) => { uint(1); block(uint, 1, 1, 0); uint(4); uint(1); text(e, 't'); text(e, 'ab'.repeat(n)); uint(0) })], [write((e, uint) => { uint(0); uint(1); uint(1); uint(n); for (const i of shuffled(n)) { uint(2 * i); uint(1) } })]],
  'everything deleted of many structs': n => [[write((e, uint) => { uint(1); block(uint, n, 1, 0); for (let i = 0; i < n; i++) letter(e, uint); uint(0) })], [write((e, uint) => { uint(0); uint(n); for (let i = 0; i < n; i++) { uint(1); uint(1); uint(i); uint(1) } })]],
  'one client named by many deletions': n => [[write((e, uint) => { uint(1); block(uint, 1, 1, 0); uint(0); uint(n); uint(0) })], [write((e, uint) => { uint(0); uint(n); for (const i of shuffled(n)) { uint(1); uint(1); uint(i); uint(1) } })]],
  'many values under one key in one struct': n => [[], [write((e, uint) => { uint(1); block(uint, 1, 1, 0); uint(0x28); uint(1); text(e, 'm'); text(e, 'k'); uint(n); for (let i = 0; i < n; i++) uint(127); uint(0) })]],
  'types in types': n => [[], [write((e, uint) => { uint(1); block(uint, n, 1, 0); for (let i = 0; i < n; i++) { uint(7); if (i) { uint(0); uint(1); uint(i - 1) } else { uint(1); text(e, 't') } uint(1) } uint(0) })]],
  'brackets': n => [[], [write((e, uint) => { uint(1); block(uint, 1, 1, 0); uint(5); uint(1); text(e, 't'); text(e, '['.repeat(8 * n)); uint(0) })]],
  'a struct that says it holds all numbers': () => [[], [write((e, uint) => { uint(1); block(uint, 1, 1, 0); uint(0x08); uint(1); text(e, 't'); uint(2 ** 53 - 1) })]],
  'lengths of all numbers': () => [[], [write((e, uint) => { uint(1); block(uint, 2, 1, 0); uint(0); uint(2 ** 52); uint(1); uint(1); text(e, 't'); uint(2 ** 51); uint(1); uint(1); uint(1); uint(0); uint(2 ** 52) })]],
  'letters at the end of 12 MiB of text deleted one by one': n => [
    [write((e, uint) => { uint(1); block(uint, 1, 1, 0); uint(4); uint(1); text(e, 't'); text(e, 'ab'.repeat(20 * n)); uint(0) })],
    Array.from({ length: 200 }, (_, i) => write((e, uint) => { uint(0); uint(1); uint(1); uint(1); uint(40 * n - 3 - 2 * i); uint(1) }))
  ]
}

test('hostile shapes cost in proportion to their bytes', { timeout: 10 * 60 * 1000 }, async t => {
  const oracle = new Oracle()
  t.after(() => oracle.close())
  const cost = async ([before, timed]) => {
    await oracle.reset({ limits })
    await oracle.time(before)
    return (await oracle.time(timed)).micros / 1000
  }
  for (const [name, make] of Object.entries(shapes)) {
    const [small, great] = [make(size / smaller), make(size)]
    let [least, most, runs] = [Infinity, Infinity, 0]
    const grew = () => most > noise && most > growthMax * Math.max(least, noise / smaller)
    // A busy machine may slow some runs down, not all: the best of each is compared, taken in turns.
    do {
      least = Math.min(least, await cost(small))
      most = Math.min(most, await cost(great))
    } while (grew() && ++runs < runsMax)
    const mib = great[1].reduce((sum, update) => sum + update.length, 0) / (1 << 20)
    t.diagnostic(`${name}: ${most.toFixed(1)} ms for ${mib.toFixed(2)} MiB, ${least.toFixed(1)} ms for an eighth of it`)
    assert.ok(!grew(), `${name}: ${least} ms became ${most} ms`)
  }
})
