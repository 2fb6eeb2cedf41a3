import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as Y from 'yjs'
import { Oracle } from './lib/oracle.mjs'
import { loadTrace, typeTrace } from './lib/trace.mjs'
import { fresh } from './lib/view.mjs'

/** What a collecting Yjs encodes of the public trace, in bytes, when its client's id takes one byte. */
const yjsBytes = 223411
/** As the server stores: updates that one commit merges into a row, and rows between two snapshots. */
const updatesOfRow = 25
const rowsOfSnapshot = 500

const trace = loadTrace()
const oracle = new Oracle()
after(() => oracle.close())

// Every origin names its client, so the width of the id decides the size: Yjs draws ids of 32 bits, which take five bytes.
for (const [width, id] of [['narrow', 1], ['wide', 3000000000]]) {
  const { updates, yjs, text } = typeTrace(trace, id)

  test(`a document typed edit by edit under a ${width} id is held in fewer bytes than in a collecting Yjs, and reads the same`, async t => {
    t.diagnostic(`${trace.name}: ${updates.length} updates`)
    assert.equal(text, trace.endContent)
    if (trace.isPublic && id === 1) assert.ok(yjs.length <= yjsBytes * 1.01, `Yjs itself takes ${yjs.length}`)
    for (const collect of [true, false]) {
      await oracle.reset({ collect })
      const { micros, bytes, structs } = await oracle.time(updates)
      const encoded = await oracle.encode()
      assert.equal(fresh([encoded]).getText('text').toString(), trace.endContent)
      const { nanos } = await oracle.timeDifference(200)
      t.diagnostic(`collect ${collect}: ${(micros / updates.length).toFixed(2)} µs an update, ${encoded.length} bytes (Yjs ${yjs.length}), ${bytes} of ${structs} structs, encoded in ${(nanos / 1e6).toFixed(2)} ms`)
      if (collect) assert.ok(encoded.length <= yjs.length, `${encoded.length} bytes`)
    }
  })

  test(`what compaction stores of a document under a ${width} id is at most what a collecting Yjs encodes, and is the same document`, async t => {
    let snapshot = null
    let rows = []
    let snapshots = 0
    for (let at = 0; at < updates.length; at += updatesOfRow) {
      rows.push(await oracle.merge(updates.slice(at, at + updatesOfRow)))
      if (rows.length < rowsOfSnapshot && at + updatesOfRow < updates.length) continue
      await oracle.reset()
      for (const { missing, refused } of await oracle.admit(snapshot ? [snapshot, ...rows] : rows)) assert.deepEqual({ missing, refused }, { missing: '', refused: '' })
      snapshot = await oracle.encode()
      rows = []
      snapshots++
    }
    t.diagnostic(`${snapshots} snapshots, one upon the other; the last has ${snapshot.length} bytes, Yjs' own encoding ${yjs.length}`)
    assert.ok(snapshot.length <= yjs.length, `${snapshot.length} bytes`)
    const cold = fresh([snapshot])
    assert.equal(cold.getText('text').toString(), trace.endContent)
    assert.ok(Buffer.from(Y.encodeStateAsUpdate(cold)).equals(Buffer.from(yjs)), 'a Yjs that loads it encodes what the author’s encodes')
  })
}
