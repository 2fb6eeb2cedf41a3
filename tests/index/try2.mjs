import { Oracle } from './lib/oracle.mjs'
import { session, tallies } from './lib/twin.mjs'
const o = new Oracle(); const from=Number(process.argv[2]), to=Number(process.argv[3]), n=Number(process.argv[4]||40); let bad=0; const t=Date.now(); const tally=tallies(); const kinds={}
for (let s=from;s<to;s++){ try { await session(o,s,n,tally) } catch(e){ bad++; const k=e.message.slice(0,60).replace(/\d+/g,'#'); kinds[k]=(kinds[k]||0)+1; if (kinds[k]<3) console.log(s, e.message.slice(0,700), process.env.STACK?e.stack:'') } }
console.log({bad, n:to-from, ms:(Date.now()-t)/(to-from)}, kinds, tally); o.close()
