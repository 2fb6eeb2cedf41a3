import * as Y from 'yjs'
import { Oracle } from './lib/oracle.mjs'
import fs from 'fs'
const o = new Oracle()
const updates=JSON.parse(fs.readFileSync('/tmp/trace.bin')).map(s=>new Uint8Array(Buffer.from(s,'base64')))
await o.reset({collect:true}); const t=await o.time(updates); const e=await o.encode();
const s=Y.decodeUpdate(e).structs; let n=0; const pos=[]
for (let i=1;i<s.length;i++){ const l=s[i-1], r=s[i]; if (l.content.constructor===r.content.constructor && r.origin && r.origin.client===l.id.client && r.origin.clock===l.id.clock+l.length-1 && JSON.stringify(l.rightOrigin)===JSON.stringify(r.rightOrigin)) { n++; pos.push([i,l.id.clock,l.length,r.length,l.content.constructor.name]) } }
console.log(n, pos.slice(0,10)); o.close()
