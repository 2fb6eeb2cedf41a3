import { Oracle } from './lib/oracle.mjs'
import { loadTrace, typeTrace } from './lib/trace.mjs'
import * as Y from 'yjs'
import fs from 'fs'
const o = new Oracle()
if (!fs.existsSync('/tmp/trace.bin')) { const {updates}=typeTrace(loadTrace()); fs.writeFileSync('/tmp/trace.bin', JSON.stringify(updates.map(u=>Buffer.from(u).toString('base64')))) }
const updates=JSON.parse(fs.readFileSync('/tmp/trace.bin')).map(s=>new Uint8Array(Buffer.from(s,'base64')))
await o.reset({collect:true}); const t=await o.time(updates); const e=await o.encode(); const m=await o.merge([e]);
console.log(updates.length, t, t.micros/updates.length, e.length, m.length, await o.timeDifference(100)); 
const a=Y.decodeUpdate(e), b=Y.decodeUpdate(m); console.log(a.structs.length,b.structs.length);
const kinds=x=>{const k={};for(const s of x.structs)k[s.content?.constructor.name]=(k[s.content?.constructor.name]||0)+1;return k}; console.log(kinds(a),kinds(b), [...a.ds.clients].map(x=>x[1].length))
let bytes={};
o.close()
