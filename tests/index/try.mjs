import { Oracle } from './lib/oracle.mjs'
import { check } from './lib/check.mjs'
const o = new Oracle(); const from=Number(process.argv[2]), to=Number(process.argv[3]); let bad=0; const t=Date.now()
const sum={}
for (let s=from;s<to;s++){ try { const z=await check(o,s); for(const k in z) sum[k]=(sum[k]||0)+z[k] } catch(e){ bad++; if(bad<6) console.log(s, e.message.slice(0,1500)) } }
console.log({bad, n:to-from, ms:(Date.now()-t)/(to-from), ...sum}); o.close()
