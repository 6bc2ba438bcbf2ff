import { takeSnapshot, type Snapshot } from '../proof/snapshot.js';
import type { Case, Incident, Listed } from './api-types.js';
import type { DemoOptions, Way } from './options.js';
import { shopId, type Stage } from './stage.js';
import { count, teller } from './teller.js';
import { allOf, until } from './waiting.js';

// so few orders that the slow rest of the job must make the evidence take a while
const noticeTimeoutMs = 180_000;

const jobInWords: Record<Way, string> = {
  api: 'cancels paid orders through the shop’s own code, one by one',
  sql: 'cancels paid orders by one raw UPDATE, and goes on: no history, no stock, nobody named',
  steps: 'cancels paid orders step by step: stock, payment note, status, history',
  lines:
    'cancels paid orders line by line, each line in a transaction of its own, some orders by turns, and some never to the end',
};

export interface Failure {
  readonly incidentId: string;
  /** the shop's whole database before the failure began */
  readonly before: Snapshot;
}

/** The shop's job goes wrong; Reinstate notices, pages, and opens an incident with a case per order. */
export async function theShopFails(stage: Stage, options: DemoOptions): Promise<Failure> {
  teller.chapter('The shop fails');
  const before = await takeSnapshot(stage.shop.ready.databaseUrl);
  await stage.shop.startFault({ way: options.way, orders: options.orders });
  teller.say(`the faulty "unpaid orders" job ${jobInWords[options.way]}`);
  const incident = await until('an incident', () => openIncident(stage), {
    timeoutMs: noticeTimeoutMs,
  });
  await tellNotice(stage, incident);
  await until('the page', () => Promise.resolve(stage.pager.pages[0]), { timeoutMs: 10_000 });
  tellPage(stage);
  await settle(stage, { incidentId: incident.id, orders: options.orders });
  await tellCases(stage, incident.id);
  return { incidentId: incident.id, before };
}

async function openIncident(stage: Stage): Promise<Incident | undefined> {
  return (await stage.robin.get<Listed<Incident>>(`/incidents?shop=${shopId}&status=open`))
    .items[0];
}

async function tellNotice(stage: Stage, incident: Incident): Promise<void> {
  const { fault } = await stage.shop.state();
  const struck = (fault?.cancelled ?? []).filter(({ at }) => at <= incident.openedAt);
  const first = struck[0]?.at ?? incident.openedAt;
  const seconds = (Date.parse(incident.openedAt) - Date.parse(first)) / 1000;
  teller.good(
    `noticed ${seconds.toFixed(1)} s after the first wrong cancellation, with ${count(struck.length, 'order')} hit by then`,
  );
  teller.say(`incident ${incident.number} (${incident.severity}): ${incident.title}`);
}

function tellPage(stage: Stage): void {
  const [page] = stage.pager.pages;
  if (page === undefined) return;
  teller.say(
    `Robin, on call, is paged${page.genuine ? ' (signature checked)' : ', but the signature is wrong'}:`,
  );
  teller.list([`"${page.firstLine}"`]);
}

/**
 * Lets the job go on until it has hit what it was asked to, its cases stand in the incident, and most of
 * them are judged: the newest are "unsure" for a moment, for want of later rows.
 */
async function settle(stage: Stage, wanted: { incidentId: string; orders: number }): Promise<void> {
  await until(
    'the cases',
    async () => {
      const { cases } = await stage.robin.get<Incident>(`/incidents/${wanted.incidentId}`);
      const judged = cases.byVerdict['wrongful'] ?? 0;
      return cases.total >= wanted.orders && judged * 2 >= cases.total ? cases : undefined;
    },
    { timeoutMs: 120_000, everyMs: 250 },
  );
}

async function tellCases(stage: Stage, incidentId: string): Promise<void> {
  const cases = await allOf<Case>(stage.robin, `/incidents/${incidentId}/cases`);
  const by = (verdict: Case['verdict']) => cases.filter((found) => found.verdict === verdict);
  teller.say(
    `${count(cases.length, 'case')}, one per order: ${by('wrongful').length} wrongful, ${by('intended').length} intended, ${by('unsure').length} unsure`,
  );
  for (const verdict of ['wrongful', 'intended', 'unsure'] as const) {
    const [example] = by(verdict);
    if (example === undefined) continue;
    teller.list([
      `${verdict}, e.g. order ${example.orderNumber}: ${example.reasons.map(({ words }) => words).join('; ')}`,
    ]);
  }
  const { title } = await stage.robin.get<Incident>(`/incidents/${incidentId}`);
  teller.say(`by now: ${title}`);
}
