import { shopId, type ShopWrite, type World } from '../world.js';
import type { Checker } from './checker.js';

interface PlanFacts {
  readonly orderId: string;
  readonly action: string;
  readonly changes: unknown;
  readonly hash: string;
  readonly runHash: string | null;
  readonly needed: number;
  readonly voices: number;
  readonly isGlassBroken: boolean;
  readonly isRejected: boolean;
}

const factsSql = `
  SELECT i.order_id AS "orderId", p.action, i.changes, p.hash, r.plan_hash AS "runHash", p.approvals_needed AS needed,
    (SELECT count(DISTINCT a.person_id) FROM restore_approval a JOIN person who ON who.id = a.person_id
     WHERE a.plan_id = p.id AND a.decision = 'approved' AND a.plan_hash = p.hash AND who.kind = 'person'
       AND a.person_id <> p.requested_by AND a.at <= $2) AS voices,
    EXISTS (SELECT FROM restore_approval a WHERE a.plan_id = p.id AND a.break_glass AND a.plan_hash = p.hash)
      AS "isGlassBroken",
    EXISTS (SELECT FROM restore_approval a WHERE a.plan_id = p.id AND a.decision = 'rejected') AS "isRejected"
  FROM restore_plan_item i JOIN restore_plan p ON p.id = i.plan_id LEFT JOIN restore_run r ON r.plan_id = p.id
  WHERE i.id = $1`;

/**
 * Invariant 2: "Nothing is written to a shop unless armed, by an approved plan, bound to the plan's hash, and never
 * more than the plan." Each write that the shop saw is held against the plan's row and the votes for it; plans stay
 * as they were proposed.
 */
export class OnlyWhatWasApproved implements Checker {
  readonly name = '2: only what was approved is written';
  private seen = 0;
  private readonly plans = new Map<string, string>();

  async afterStep(world: World): Promise<string[]> {
    const fresh = world.writes.slice(this.seen);
    this.seen = world.writes.length;
    const found: string[] = [];
    for (const write of fresh) found.push(...(await this.judge(world, write)));
    return fresh.length === 0 ? found : [...found, ...(await this.changedPlans(world))];
  }

  atRest(world: World): Promise<string[]> {
    return this.changedPlans(world);
  }

  private async judge(world: World, write: ShopWrite): Promise<string[]> {
    const { item, at, wasAllowed } = write;
    const name = `the ${item.action} of order ${item.orderId}`;
    const [plan] = await world.query<PlanFacts>(factsSql, [item.itemId, at]);
    if (plan === undefined) return [`${name} is of no plan`];
    const isWhole = canonical(plan.changes) === canonical(item.changes);
    const isItsOwn = plan.orderId === item.orderId && plan.action === item.action;
    return [
      ...(wasAllowed ? [] : [`${name} was written although the shop was not armed, or stopped`]),
      ...(isWhole && isItsOwn ? [] : [`${name} is not what its plan says`]),
      ...(plan.runHash === plan.hash
        ? []
        : [`${name} is of a run of another hash than its plan's`]),
      ...(plan.isRejected ? [`${name} is of a plan that was rejected`] : []),
      ...(plan.voices >= plan.needed || plan.isGlassBroken
        ? []
        : [
            `${name} has ${plan.voices} of ${plan.needed} approvals by others than who asked for it`,
          ]),
    ];
  }

  private async changedPlans(world: World): Promise<string[]> {
    const rows = await world.query<{ id: string; number: number; content: string }>(
      `SELECT p.id, p.number, p.hash || md5(string_agg(concat_ws(' ', i.order_id, i.disposition, i.expected_status,
           i.changes::text, i.expect::text), ',' ORDER BY i.sequence)) AS content
       FROM restore_plan p JOIN restore_plan_item i ON i.plan_id = p.id WHERE p.shop_id = $1 GROUP BY p.id`,
      [shopId],
    );
    const changed = rows.filter(({ id, content }) => (this.plans.get(id) ?? content) !== content);
    for (const { id, content } of rows) this.plans.set(id, content);
    return changed.map(({ number }) => `plan ${number} is another one than was proposed`);
  }
}

/** JSON of which equal values are equal texts, whatever the order of their members. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
