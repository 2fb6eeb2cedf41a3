import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Oracle } from './lib/oracle.mjs'
import { loadTrace, typeTrace } from './lib/trace.mjs'
import { fresh } from './lib/view.mjs'

/** What a collecting Yjs encodes of the public trace, in bytes. */
const yjsBytes = 223411

test('a document typed edit by edit is held in fewer bytes than in a collecting Yjs, and reads the same', async t => {
  const oracle = new Oracle()
  t.after(() => oracle.close())
  const trace = loadTrace()
  const { updates, yjs, text } = typeTrace(trace)
  t.diagnostic(`${trace.name}: ${updates.length} updates`)
  assert.equal(text, trace.endContent)
  if (trace.isPublic) assert.ok(yjs.length <= yjsBytes * 1.01, `Yjs itself takes ${yjs.length}`)
  for (const collect of [true, false]) {
    await oracle.reset({ collect })
    const { micros, bytes, structs } = await oracle.time(updates)
    const encoded = await oracle.encode()
    assert.equal(fresh([encoded]).getText('text').toString(), trace.endContent)
    const { nanos } = await oracle.timeDifference(200)
    t.diagnostic(`collect ${collect}: ${(micros / updates.length).toFixed(2)} µs an update, ${encoded.length} bytes (Yjs ${yjs.length}), ${bytes} of ${structs} structs, encoded in ${(nanos / 1e6).toFixed(2)} ms`)
    if (collect) assert.ok(encoded.length <= Math.min(yjs.length, trace.isPublic ? yjsBytes : Infinity), `${encoded.length} bytes`)
  }
})
