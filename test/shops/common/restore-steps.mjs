/** From the first cancellation to the verified restore, as people do it through Reinstate's API. */
import pg from 'pg';
import { Refused, waitFor } from './reinstate-client.mjs';

const idsOf = (orders) => orders.map(({ id }) => String(id));

/** Cases of an incident by order id. */
export async function casesOf({ robin }, incident) {
  const cases = await robin.all(`/incidents/${incident.id}/cases`);
  return new Map(cases.map((one) => [one.orderId, one]));
}

/** Waits until Reinstate has, by itself, an open incident with a case for each of these orders. */
export async function noticed(watched, orders) {
  let seen;
  return waitFor(
    'an incident with all orders',
    async () => {
      seen = await watched.robin.all('/incidents?status=open,acknowledged');
      for (const incident of seen.filter(({ alertId }) => alertId !== null)) {
        const cases = await casesOf(watched, incident);
        if (idsOf(orders).every((id) => cases.has(id))) return incident;
      }
      return undefined;
    },
    { describe: () => JSON.stringify(seen) },
  );
}

/** Declares an incident by hand and waits for its cases. */
export async function declared(watched, { orders, ...declaration }) {
  const incident = await watched.robin.post('/incidents', { shop: watched.shopId, ...declaration });
  let cases;
  await waitFor(
    'the cases of the declared incident',
    async () => {
      cases = await casesOf(watched, incident);
      return idsOf(orders).every((id) => cases.has(id)) ? true : undefined;
    },
    { describe: () => JSON.stringify([...cases.keys()]) },
  );
  return incident;
}

/** Waits until each of these orders has this verdict, and resolves with the cases by order id. */
export async function judged(watched, { incident, orders, verdict }) {
  let cases;
  return waitFor(
    `the verdict ${verdict}`,
    async () => {
      cases = await casesOf(watched, incident);
      return idsOf(orders).every((id) => cases.get(id)?.verdict === verdict) ? cases : undefined;
    },
    {
      describe: () =>
        JSON.stringify([...cases.values()].map((one) => [one.orderId, one.verdict, one.reasons])),
    },
  );
}

/** Waits until nothing of the incident comes any more. */
export async function harmStopped({ robin }, incident) {
  let bleeding;
  return waitFor(
    'the end of the bleeding',
    async () => {
      bleeding = await robin.get(`/incidents/${incident.id}/bleeding`);
      return bleeding.bleeding ? undefined : bleeding;
    },
    { milliseconds: 150_000, describe: () => JSON.stringify(bleeding) },
  );
}

/** Robin says of each of these orders what its cancellation was; resolves with their cases. */
export async function decided(watched, { incident, orders, verdict, reason }) {
  const cases = await casesOf(watched, incident);
  const path = ({ id }) => `/incidents/${incident.id}/cases/${cases.get(id).id}/verdict`;
  return Promise.all(orders.map((order) => watched.robin.post(path(order), { verdict, reason })));
}

/** Robin proposes a plan, for all wrongful orders or for chosen cases; resolves with it and its items by order id. */
export async function proposed(watched, { incident, cases = null }) {
  const body = cases && { cases: cases.map(({ id }) => id) };
  const plan = await watched.robin.post(`/incidents/${incident.id}/restore-plans`, body ?? {});
  return withItems(watched, plan);
}

async function withItems({ robin }, plan) {
  const items = await robin.all(`/restore-plans/${plan.id}/items`);
  return { ...plan, items: new Map(items.map((item) => [item.orderId, item])) };
}

/** Robin proposes to take a run back; Alex approves it, and it is run. Resolves with the undo's run. */
export async function undone(watched, run) {
  const plan = await withItems(watched, await watched.robin.post(`/restore-runs/${run.id}/undo`));
  await approved(watched, plan);
  return finished(watched, await started(watched, plan));
}

/** Alex, who did not ask for it, approves the plan. */
export async function approved({ alex }, { id, hash }) {
  const vote = { decision: 'approved', planHash: hash };
  return alex.post(`/restore-plans/${id}/approvals`, vote);
}

export async function started({ robin }, { id, hash }) {
  return robin.post(`/restore-plans/${id}/runs`, { planHash: hash });
}

/** Waits until the run has ended; resolves with it and its items by order id. */
export async function finished({ robin }, { id }) {
  let run;
  await waitFor(
    'the end of the run',
    async () => {
      run = await robin.get(`/restore-runs/${id}`);
      return ['finished', 'stopped'].includes(run.state) ? run : undefined;
    },
    { milliseconds: 60_000, describe: () => JSON.stringify(run) },
  );
  const items = await robin.all(`/restore-runs/${id}/items`);
  return { ...run, counts: run.items, items: new Map(items.map((item) => [item.orderId, item])) };
}

/** The types on an incident's timeline, oldest first. */
export async function timelineTypes({ robin }, incident) {
  const entries = await robin.all(`/incidents/${incident.id}/timeline`);
  return entries.map(({ type }) => type);
}

/** The code with which the API refuses; undefined where it does not. */
export async function refusalOf(asked) {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
}

/** Why a plan leaves orders to a person, for the message of a failed test. */
export const reasonsOf = ({ items }) =>
  JSON.stringify([...items.values()].map(({ reason, detail }) => [reason, detail]));

/** What went wrong in a run, likewise. */
export const failuresOf = ({ stopReason, items }) =>
  JSON.stringify([
    stopReason,
    ...[...items.values()].map(({ state, attempts, reason, detail }) => [
      state,
      attempts,
      reason,
      detail,
    ]),
  ]);

/**
 * Runs a plan's script as psql would, under a DBA's login: up to the first statement that fails. Resolves
 * with what that one says; undefined where none does.
 */
export async function runScript({ databaseUrl }, script) {
  const dba = new pg.Client({ connectionString: databaseUrl });
  await dba.connect();
  try {
    await dba.query(script.replace(/^\\set .*$/gm, ''));
    return undefined;
  } catch (error) {
    return error.message;
  } finally {
    await dba.end();
  }
}
