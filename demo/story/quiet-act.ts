import type { Incident, Listed } from './api-types.js';
import { shopId, type Stage } from './stage.js';
import { count, teller } from './teller.js';
import { pause } from './waiting.js';

const watchMs = 90_000;
const ownCancellations = 40;

/** Ninety lively seconds without a failure: a sale, and one customer who cancels 40 orders. True where nothing was raised. */
export async function nothingFails(stage: Stage): Promise<boolean> {
  teller.chapter('A sale, and a customer who changes their mind');
  await stage.shop.startSale();
  teller.say('a sale begins: five times the orders, and more of everything else');
  await pause(watchMs / 3);
  const cancelled = await stage.shop.bulkCancel(ownCancellations);
  teller.say(`one customer cancels ${count(cancelled.length, 'order')} of their own`);
  await pause(watchMs / 3);
  await stage.shop.stopSale();
  teller.say('the sale ends');
  await pause(watchMs / 3);
  const seen = await cancellationsSeen(stage);
  if (seen < cancelled.length) {
    teller.bad(
      `only ${seen} of ${cancelled.length} cancellations reached detection: its silence proves nothing`,
    );
    return false;
  }
  teller.good(`detection has looked at ${count(seen, 'cancellation')} in this time`);
  const findings = await stage.robin.get<Listed<{ sentence: string }>>(`/findings?shop=${shopId}`);
  const incidents = await stage.robin.get<Listed<Incident>>(`/incidents?shop=${shopId}`);
  const raised = [
    ...findings.items.map(({ sentence }) => sentence),
    ...incidents.items.map(({ title }) => title),
  ];
  if (raised.length === 0 && stage.pager.pages.length === 0) {
    teller.good('nothing was raised: no finding, no incident, no page');
    return true;
  }
  teller.bad('something was raised although nothing failed:');
  teller.list(raised);
  return false;
}

/** From the service's own metrics: how many cancellations detection has looked at. */
async function cancellationsSeen(stage: Stage): Promise<number> {
  const response = await fetch(`${stage.serviceUrl}/metrics`, {
    headers: { authorization: `Bearer ${stage.adminToken}` },
  });
  const samples = (await response.text()).matchAll(
    /^reinstate_orders_cancelled_total\{[^}]*\} (\d+)/gm,
  );
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}
