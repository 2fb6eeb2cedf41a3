// Seeded histories of some clients that edit one document: what a server would receive, in order.
import * as Y from 'yjs'
import { random } from './random.mjs'

const words = ['a', 'bc', 'déf', '😀', 'x😀y', '\u0000', 'ﬃ', '👩‍👩‍👧', 'lorem ipsum ', '\n', '\ud800']
const values = r => r.pick([r.below(100), -1.5, 'q', 'w😀', true, { k: [1, { z: r.below(9) }] }, [1, 'two', []], new Uint8Array([1, 2, r.below(255)]), 1e300, null])

/**
 * Plays one history. `formatting` leaves marks out when false; `deletes` makes it delete-heavy.
 * Gives { log, docs, counts }: the updates as the server gets them, the clients, all of which have everything, and how
 * often what was done.
 */
export function play (seed, { formatting = true, steps = 200 } = {}) {
  const r = random(seed)
  // In half of them no pair of surrogates can be cut, so that everything can be compared with the clients' own view.
  const plain = seed % 8 >= 4
  const plan = { formatting, words: plain ? words.filter(word => !/[\ud800-\udfff]/.test(word)) : words, deletes: r.chance(0.25), steps: steps + r.below(steps / 2) }
  const log = []
  const counts = { operations: 0, offline: 0, undos: 0, subdocs: 0, deletes: plan.deletes ? 1 : 0 }
  const clients = Array.from({ length: 3 + r.below(3) }, (_, n) => new Client(r, n, log, counts))
  for (let step = 0; step < plan.steps; step++) {
    const client = r.pick(clients)
    // A fifth of the time offline, in stretches.
    if (r.chance(0.05)) client.online = r.chance(0.8)
    client.edit(plan)
    if (client.online && r.chance(0.4)) client.sync()
  }
  // Formatting clean-up may answer what arrives with deletions of its own.
  for (let round = 0; round < 6; round++) for (const client of clients) { client.online = true; client.sync() }
  return { log, docs: clients.map(client => client.doc), counts }
}

class Client {
  constructor (r, n, log, counts) {
    Object.assign(this, { r, log, counts, read: 0, online: r.chance(0.8), outbox: [] })
    this.doc = new Y.Doc({ gc: r.chance(0.5) })
    // Small, middle and large ids, so that the order of clients and the width of numbers differ.
    this.doc.clientID = [n + 1, 1000 + r.below(1000) * 8 + n, 4000000000 + r.below(1000) * 8 + n][r.below(3)]
    this.doc.on('update', (update, origin) => { if (origin !== 'net') this.outbox.push(update) })
    const { doc } = this
    this.types = [doc.getText('t'), doc.getMap('m'), doc.getArray('a'), doc.getXmlFragment('x')]
    this.undo = new Y.UndoManager(this.types, { captureTimeout: 0 })
  }

  /** Sends what is waiting, one by one or as one answer to the server's state vector, and reads what is new. */
  sync () {
    if (this.outbox.length > 3 && this.r.chance(0.3)) {
      const known = this.log.length ? Y.encodeStateVectorFromUpdate(Y.mergeUpdates(this.log)) : undefined
      this.log.push(Y.encodeStateAsUpdate(this.doc, known))
    } else {
      this.log.push(...this.outbox)
    }
    this.outbox = []
    while (this.read < this.log.length) Y.applyUpdate(this.doc, this.log[this.read++], 'net')
    if (this.outbox.length) { this.log.push(...this.outbox); this.outbox = [] }
  }

  edit (plan) {
    const { r } = this
    if (r.chance(0.1)) return this.doc.transact(() => { for (let n = 0; n < 3; n++) this.editOnce(plan) })
    this.editOnce(plan)
  }

  editOnce (plan) {
    const { r, counts } = this
    counts.operations++
    counts.offline += this.online ? 0 : 1
    const [t, m, a, x] = this.types
    if (plan.deletes && r.chance(0.4)) return this.deleteMuch()
    switch (r.below(16)) {
      case 0: case 1: return t.insert(r.below(t.length + 1), r.pick(plan.words))
      case 2: return cutFrom(r, t, 6)
      case 3: return this.type(t)
      case 4: return plan.formatting ? this.format(t) : t.insert(t.length, 'end')
      case 5: return m.set('k' + r.below(4), r.chance(0.1) ? 12345678901n : values(r))
      case 6: return r.chance(0.5) ? m.delete('k' + r.below(4)) : this.nest(m, 'k' + r.below(4))
      case 7: return a.insert(r.below(a.length + 1), Array.from({ length: 1 + r.below(3) }, () => values(r)))
      case 8: return a.length ? cutFrom(r, a, 3) : a.push([new Y.Array()])
      case 9: return a.insert(r.below(a.length + 1), [r.chance(0.5) ? this.subdocument() : Y.Array.from(['in', r.below(9)])])
      case 10: return this.element(x)
      case 11: return this.inElement(x, plan)
      case 12: counts.undos++; return r.chance(0.6) ? this.undo.undo() : this.undo.redo()
      case 13: return plan.formatting ? t.insertEmbed(r.below(t.length + 1), { image: 'i' + r.below(9) }) : m.set('s', 'x'.repeat(r.below(20)))
      case 14: return this.inNested(m, plan)
      case 15: return r.chance(0.2) ? this.deleteMuch() : t.insert(r.below(t.length + 1), r.pick(plan.words))
    }
  }

  subdocument () {
    this.counts.subdocs++
    return new Y.Doc({ guid: 'sub' + this.r.below(99), meta: this.r.chance(0.5) ? { n: 1 } : null })
  }

  type (t) {
    let at = this.r.below(t.length + 1)
    for (const letter of 'typed') t.insert(at++, letter)
    if (this.r.chance(0.3)) for (let n = 0; n < 3; n++) t.delete(--at, 1)
  }

  format (t) {
    if (!t.length) return
    const from = this.r.below(t.length)
    t.format(from, Math.min(1 + this.r.below(6), t.length - from), { [this.r.pick(['bold', 'color'])]: this.r.pick([true, null, 'red', { deep: 1 }]) })
  }

  nest (m, key) {
    const nested = this.r.pick([() => new Y.Map([['z', this.r.below(9)]]), () => new Y.Text('nested'), () => Y.Array.from([1, 2]), () => new Y.Doc({ guid: 'doc' + this.r.below(9) })])()
    m.set(key, nested)
  }

  inNested (m, plan) {
    const nested = m.get('k' + this.r.below(4))
    if (nested instanceof Y.Map) nested.set('z' + this.r.below(2), this.r.chance(0.3) ? new Y.Map([['y', 1]]) : this.r.below(99))
    if (nested instanceof Y.Text) this.r.chance(0.5) ? nested.insert(0, this.r.pick(plan.words)) : cutFrom(this.r, nested, 4)
    if (nested instanceof Y.Array) nested.insert(0, [this.r.below(9)])
  }

  element (x) {
    const element = new Y.XmlElement(this.r.pick(['p', 'h1', 'li']))
    element.insert(0, [new Y.XmlText('hi' + this.r.below(9))])
    if (this.r.chance(0.3)) element.insert(1, [new Y.XmlElement('br')])
    x.insert(this.r.below(x.length + 1), [element])
  }

  inElement (x, plan) {
    if (!x.length) return
    const at = this.r.below(x.length)
    const element = x.get(at)
    const text = element.length ? element.get(0) : null
    if (this.r.chance(0.3)) return x.delete(at, 1)
    if (text instanceof Y.XmlText) this.r.chance(0.7) ? text.insert(0, this.r.pick(plan.words)) : cutFrom(this.r, text, 2)
    if (this.r.chance(0.5)) element.setAttribute('c', '' + this.r.below(3))
  }

  deleteMuch () {
    const [t, m, a, x] = this.types
    switch (this.r.below(5)) {
      case 0: return cutFrom(this.r, t, t.length)
      case 1: return cutFrom(this.r, t, 3)
      case 2: return cutFrom(this.r, a, a.length)
      case 3: return cutFrom(this.r, x, x.length)
      case 4: return m.delete('k' + this.r.below(4))
    }
  }
}

function cutFrom (r, type, most) {
  if (!type.length) return
  const from = r.below(type.length)
  type.delete(from, Math.min(1 + r.below(Math.max(most, 1)), type.length - from))
}
