import type { Incident, Listed } from './api-types.js';
import { shopId, type Stage } from './stage.js';
import { count, teller } from './teller.js';
import { pause } from './waiting.js';

const watchMs = 90_000;
const ownCancellations = 40;

/** Ninety lively seconds without a failure: a sale, and one customer who cancels 40 orders. True where nothing was raised. */
export async function nothingFails(stage: Stage): Promise<boolean> {
  teller.chapter('A sale, and a customer who changes their mind');
  const placed = [await countOf(stage, 'placed')];
  await stage.shop.startSale();
  teller.say('a sale begins: five times the orders, and more of everything else');
  await pause(watchMs / 3);
  placed.push(await countOf(stage, 'placed'));
  const cancelled = await stage.shop.bulkCancel(ownCancellations);
  teller.say(`one customer cancels ${count(cancelled.length, 'order')} of their own`);
  await pause(watchMs / 3);
  await stage.shop.stopSale();
  teller.say('the sale ends');
  placed.push(await countOf(stage, 'placed'));
  await pause(watchMs / 3);
  placed.push(await countOf(stage, 'placed'));
  const seen = await countOf(stage, 'cancelled');
  const vain = whyInVain({ placed, cancelled: cancelled.length, seen });
  if (vain !== undefined) {
    teller.bad(`${vain}: the silence proves nothing`);
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

/** What was missing for a silence that means something; undefined where all of it happened. Pure. */
export function whyInVain(facts: {
  /** orders placed so far: before the sale, after its first and its second half, and a while after it */
  readonly placed: readonly number[];
  /** by the one customer */
  readonly cancelled: number;
  /** cancellations that reached detection */
  readonly seen: number;
}): string | undefined {
  const { cancelled, seen } = facts;
  const [before = 0, half = 0, end = 0, after = 0] = facts.placed;
  if (cancelled < ownCancellations)
    return `the customer cancelled ${cancelled} orders instead of ${ownCancellations}`;
  if (seen < cancelled) return `only ${seen} of ${cancelled} cancellations reached detection`;
  if (Math.min(half - before, end - half) <= after - end)
    return `no rush: ${half - before} and ${end - half} orders in the sale, ${after - end} after it`;
  return undefined;
}

/** From the service's own metrics: how many orders it has seen placed or cancelled. */
async function countOf(stage: Stage, what: 'placed' | 'cancelled'): Promise<number> {
  const response = await fetch(`${stage.serviceUrl}/metrics`, {
    headers: { authorization: `Bearer ${stage.adminToken}` },
  });
  const sample = new RegExp(`^reinstate_orders_${what}_total\\{[^}]*\\} (\\d+)`, 'gm');
  const samples = (await response.text()).matchAll(sample);
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}
