import assert from 'node:assert/strict'
import { it } from 'node:test'
import { freeHue } from '../src/people.ts'

const state = (id, hue) => ({ user: { id, name: id, hue } })

it('gives way to whoever has the smaller client id, and to nobody else', () => {
  const states = new Map([[5, state('ann', 3)], [9, state('ben', 3)]])
  assert.equal(freeHue(states, 5), null)
  assert.equal(freeHue(states, 9), 4)
})

it('takes a colour that nobody has', () => {
  const states = new Map([[1, state('ann', 7)], [2, state('ben', 0)], [3, state('eve', 1)], [9, state('me', 7)]])
  assert.equal(freeHue(states, 9), 2)
})

it('keeps its own where all are taken', () => {
  const states = new Map(Array.from({ length: 9 }, (_, at) => [at + 1, state(`p${at}`, at % 8)]))
  assert.equal(freeHue(states, 9), null)
})

it('gives the tabs of one person one colour', () => {
  const states = new Map([[5, state('me', 3)], [7, state('ann', 3)], [50, state('me', 3)]])
  assert.equal(freeHue(states, 50), null)
  assert.equal(freeHue(states, 5), null)
  assert.equal(freeHue(states, 7), 4)
})

it('lets a later tab follow the first, and only the first give way', () => {
  const states = new Map([[7, state('me', 4)], [9, state('me', 3)]])
  assert.equal(freeHue(states, 7), null)
  assert.equal(freeHue(states, 9), 4)
  const three = new Map([[5, state('ann', 3)], [7, state('me', 3)], [9, state('me', 3)]])
  assert.equal(freeHue(three, 7), 4)
  assert.equal(freeHue(three, 9), null)
})

it('comes to rest when several come at once', () => {
  const states = new Map(Array.from({ length: 8 }, (_, at) => [at + 1, state(`p${at}`, 0)]))
  for (let moved = true, rounds = 0; moved; rounds += 1) {
    assert.ok(rounds < 30)
    const wishes = [...states.keys()].map((id) => [id, freeHue(states, id)]).filter(([, hue]) => hue !== null)
    for (const [id, hue] of wishes) states.set(id, state(`p${id - 1}`, hue))
    moved = wishes.length > 0
  }
  assert.equal(new Set([...states.values()].map(({ user }) => user.hue)).size, 8)
})
