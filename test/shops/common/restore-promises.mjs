/** What is promised of a restore, whatever the shop. */
import assert from 'node:assert/strict';
import { waitFor } from './reinstate-client.mjs';
import {
  approved,
  casesOf,
  failuresOf,
  finished,
  proposed,
  refusalOf,
  runScript,
  started,
  timelineTypes,
} from './restore-steps.mjs';

/** What the timeline of an incident with a restore has to tell. */
const told = [
  'incident-opened',
  'case-added',
  'plan-proposed',
  'restore-refused',
  'plan-approved',
  'run-started',
  'order-restored',
  'order-verified',
  'run-finished',
];

/** Who asked for a plan does not approve it, and while cancellations arrive (`more` brings one) it is not run. */
export async function assertHeldBack(watched, { incident, more }) {
  const cases = await casesOf(watched, incident);
  const early = await proposed(watched, { incident, cases: [...cases.values()] });
  const vote = { decision: 'approved', planHash: early.hash };
  const own = watched.robin.post(`/restore-plans/${early.id}/approvals`, vote);
  assert.equal(await refusalOf(own), 'own-plan');
  await approved(watched, early);
  await more();
  assert.equal(await refusalOf(started(watched, early)), 'still-bleeding');
}

/** From the first finding to the last order: the cases of all are restored, and the timeline leaves nothing out. */
export async function assertTold(watched, { incident, orders }) {
  const cases = await casesOf(watched, incident);
  for (const { id } of orders) assert.equal(cases.get(id).state, 'restored');
  const types = new Set(await timelineTypes(watched, incident));
  for (const type of told) assert.ok(types.has(type), `${type} is not on the timeline`);
}

/** Neither its passwords nor the customers' data are in what the service logged. */
export async function assertDiscreet(watched, { personal }) {
  const { attach, replicate, read, write } = watched.credentials;
  const passwords = [attach, replicate, read, write].map((url) => new URL(url).password);
  const log = await watched.service.log();
  assert.match(log, /Reinstate listens on/);
  for (const secret of [...passwords, ...personal].filter(Boolean))
    assert.ok(!log.includes(secret), `its log holds ${secret}`);
}

/** Runs approved plans at the same time; each of these orders, which stand in all of them, is restored by one. */
export async function assertDoneOnce(watched, { plans, orders }) {
  const runs = await Promise.all(plans.map((plan) => started(watched, plan)));
  const ended = await Promise.all(runs.map((run) => finished(watched, run)));
  const once = ['verified', ...plans.slice(1).map(() => 'refused')].sort();
  for (const { id } of orders) {
    const states = ended.map(({ items }) => items.get(id).state);
    assert.deepEqual(states.sort(), once, ended.map(failuresOf).join());
  }
  return ended;
}

/** Waits until the case of the order is restored. */
export async function isRestored(watched, { plan, order }) {
  return waitFor('the case is restored', async () => {
    const one = (await casesOf(watched, { id: plan.incidentId })).get(order.id);
    return one.state === 'restored' ? true : undefined;
  });
}

/** Starts the approved plan while a DBA runs its SQL; waits until its order is restored, and resolves with the SQL. */
export async function runBesideHand(watched, { plan, order }) {
  const script = await watched.robin.get(`/restore-plans/${plan.id}.sql`);
  const byHand = runScript(watched.shop, script);
  // where the hand was first and is known already, the plan has been run
  const refusal = await refusalOf(started(watched, plan));
  assert.ok([undefined, 'plan-not-approved'].includes(refusal), refusal);
  await byHand;
  await isRestored(watched, { plan, order });
  return script;
}

/** What was restored is not restored once more by the plan's SQL. */
export async function assertRefusedByHand(watched, script) {
  assert.match(await runScript(watched.shop, script), /^not-cancelled-any-more/);
}

/**
 * What the runbook's queries for this profile see of the incident, gone through dry: by step its state, and the
 * rows that it shows.
 */
export async function runbookLooks(watched, incident) {
  const start = { runbook: 'WrongfulCancellations', dryRun: true };
  const { id } = await watched.robin.post(`/incidents/${incident.id}/runbook-runs`, start);
  let run;
  await waitFor(
    'the end of the dry run',
    async () => {
      run = await watched.robin.get(`/runbook-runs/${id}`);
      return run.state === 'finished' ? true : undefined;
    },
    { describe: () => JSON.stringify(run) },
  );
  const seen = (what) => {
    const step = run.steps.find(({ name }) => name === `${what}-${watched.shopId}`);
    return { state: step.state, rows: step.evidence?.rows };
  };
  return { who: seen('who-cancelled'), money: seen('money-held') };
}
