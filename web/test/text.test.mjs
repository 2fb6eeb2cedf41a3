import assert from 'node:assert/strict'
import { it } from 'node:test'
import { freshDocumentName, freshPersonName } from '../src/names.ts'
import { isPlainWeight, meaningOf, withoutStyles } from '../src/paste.ts'
import { cleanName, hasCaret, initials, personOf } from '../src/person.ts'
import { difference } from '../src/title.ts'
import { readClaims } from '../src/token.ts'

it('turns one title into another by one replacement, for any two texts', () => {
  const texts = ['', 'a', 'aa', 'ab', 'Tandem', 'Tandems', 'a Tandem', '😀', '😁', 'a😀b', 'a😁b', '😀😀', 'naïve']
  for (const before of texts) {
    for (const after of texts) {
      const { at, remove, insert } = difference(before, after)
      assert.equal(before.slice(0, at) + insert + before.slice(at + remove), after)
      assert.ok((before.slice(0, at) + before.slice(at + remove)).isWellFormed?.() ?? true, `${before} → ${after}`)
    }
  }
})

it('renames styles before anything parses them', () => {
  const html = '<style>b{color:red}</style><b STYLE="font-weight:normal" onclick="x"><span\nstyle = "x">style="kept"</span></b>'
  assert.equal(withoutStyles(html), '<b data-STYLE="font-weight:normal" data-onclick="x"><span data-style= "x">style="kept"</span></b>')
})

it('reads bold, italic, struck and underlined text from a style', () => {
  assert.deepEqual(meaningOf('font-size:11pt;font-weight:700;font-style:italic'), ['strong', 'em'])
  assert.deepEqual(meaningOf('text-decoration:line-through'), ['s'])
  assert.deepEqual(meaningOf('text-decoration:underline;font-weight:400'), ['u'])
  assert.deepEqual(meaningOf('color:#000;font-weight:400;font-style:normal;text-decoration:none'), [])
  assert.equal(isPlainWeight('font-weight:normal;'), true)
  assert.equal(isPlainWeight('font-weight:400'), true)
  assert.equal(isPlainWeight('font-weight:700'), false)
})

it('believes nothing of what strangers publish', () => {
  assert.deepEqual(personOf(null, 11), { id: 'client-11', name: 'Somebody', hue: 3 })
  assert.deepEqual(personOf({ user: 'x' }, 8), { id: 'client-8', name: 'Somebody', hue: 0 })
  assert.equal(personOf({ user: { hue: 99 } }, 9).hue, 1)
  assert.equal(personOf({ user: { hue: 1.5 } }, 9).hue, 1)
  assert.equal(personOf({ user: { name: 'x'.repeat(1_000_000) } }, 1).name.length, 40)
  assert.equal(cleanName('  a\u0000\n\u202e  b '), 'a b')
  assert.equal(cleanName(['no']), '')
})

it('draws a caret only from a readable position', () => {
  const position = { type: null, tname: 'default', item: { client: 1, clock: 2 }, assoc: 0 }
  assert.equal(hasCaret({ cursor: { anchor: position, head: position } }), true)
  assert.equal(hasCaret({ cursor: { anchor: position } }), false)
  assert.equal(hasCaret({ cursor: { anchor: { item: 7 }, head: position } }), false)
  assert.equal(hasCaret({ cursor: { anchor: { item: { client: -1, clock: 0 } }, head: position } }), false)
  assert.equal(hasCaret({ user: 'text', cursor: { anchor: position, head: position } }), false)
  assert.equal(hasCaret({ cursor: null }), false)
  assert.equal(hasCaret(undefined), false)
})

it('shortens names to initials', () => {
  assert.equal(initials('Ada Lovelace'), 'AL')
  assert.equal(initials('Ada'), 'A')
  assert.equal(initials('😀 person with many names'), '😀N')
  assert.equal(initials(''), '?')
})

it('makes names that can be said', () => {
  const random = () => 0
  assert.equal(freshDocumentName(random), 'amber-acorn-aaaaaa')
  assert.equal(freshPersonName(random), 'Amber Avocet')
  assert.match(freshDocumentName(), /^[a-z]+-[a-z]+-[a-z2-9]{6}$/)
})

it('reads what a token says of itself, and shrugs at what is none', () => {
  const part = (claims) => Buffer.from(JSON.stringify(claims)).toString('base64url')
  const token = `h.${part({ sub: 'guest-1', name: 'Zoë', iat: 100, exp: 160 })}.s`
  assert.deepEqual(readClaims(token), { subject: 'guest-1', name: 'Zoë', livesMs: 60_000, endsAt: 160_000 })
  for (const none of ['', 'a', 'a.b', 'a.%%%.c', `a.${part(null)}.c`, `a.${part(7)}.c`]) {
    assert.equal(readClaims(none).subject, null)
  }
})
