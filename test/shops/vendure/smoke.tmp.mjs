import { withScratchShop } from './scratch-shop.mjs';
import { watchShop, shopId, caughtUp } from './watched-shop.mjs';
import { buy, cancelWays } from './scenarios.mjs';
import { waitFor } from './reinstate-client.mjs';
const t0=performance.now(); const say=(...a)=>console.log(((performance.now()-t0)/1000).toFixed(1), ...a);
await withScratchShop({}, async (shop) => {
  say('shop', shop.startMs, shop.populateMs);
  const w = await watchShop(shop).catch(e=>{console.log(e); throw e});
  say('watching', JSON.stringify(w.check));
  try {
    const orders=[]; for (let i=0;i<12;i++) orders.push(await buy(shop,{items:{'BREAD-RYE':2,'APRON-RED':1}}));
    say('12 orders');
    await cancelWays[process.argv[2]??'api'](shop, orders);
    say('cancelled');
    await caughtUp({shop, admin:w.admin}); say('caught up');
    const incident = await waitFor('incident', async()=> (await w.robin.all('/incidents'))[0], {milliseconds:30000}).catch(e=>say(e.message));
    say('incident', JSON.stringify(incident));
    say('findings', JSON.stringify(await w.robin.all('/findings')));
    if (incident) { for (let i=0;i<8;i++){ await new Promise(r=>setTimeout(r,1000)); const c=await w.robin.all(`/incidents/${incident.id}/cases`); say(c.length, c[0]?.verdict, c.map(x=>x.verdict).join()); if(i==7) say(JSON.stringify(c[0],null,1)); } }
    say(JSON.stringify(await w.robin.get(`/shops/${shopId}/orders/${orders[0].code}/journal`)).slice(0,6000));
  } finally { console.log((await w.service.log()).split('\n').filter(l=>/"level":[456]/.test(l)||!l.startsWith('{')).join('\n').slice(0,5000)); await w.close(); }
});
