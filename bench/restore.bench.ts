import { expect, it } from '@jest/globals';
import pg from 'pg';
import { AttemptEvidence } from '../src/restore/runs/attempt-evidence.js';
import { RunItemStore } from '../src/restore/runs/run-item.store.js';
import type { RestoreItem } from '../src/shops/shop-adapter.js';
import { ShopRegistry } from '../src/shops/shop-registry.js';
import { Scene } from '../test/medium/restore-scene.js';

/** Orders of one run: enough that its canary and its stages weigh little. */
const orders = Number(process.env['BENCH_ORDERS'] ?? 300);
const concurrency = 4;

/** Statements that were sent while the work went on, by the database they went to. */
async function counted<T>(
  work: () => Promise<T>,
): Promise<{ result: T; sent: Map<string, number> }> {
  const prototype = pg.Client.prototype as unknown as { query: (...given: unknown[]) => unknown };
  const { query } = prototype;
  const sent = new Map<string, number>();
  prototype.query = function (this: pg.Client, ...given: unknown[]) {
    const name = this.database ?? '';
    sent.set(name, (sent.get(name) ?? 0) + 1);
    return query.apply(this, given);
  };
  try {
    return { result: await work(), sent };
  } finally {
    prototype.query = query;
  }
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

/**
 * The shop's transactions of a plan alone, one row of stock for each worker so that none waits for another:
 * no order can be restored faster.
 */
async function bareTransactions(scene: Scene, runId: string): Promise<number> {
  const shop = scene.get(ShopRegistry).get(scene.shopId);
  const { database } = scene.reinstate;
  const items = await scene.get(RunItemStore).inStates(database, runId, ['pending']);
  const queues = new Map<string, RestoreItem[]>();
  for (const item of items) {
    const prepared = await scene.get(AttemptEvidence).prepare(shop, item);
    if (!prepared.ok) throw new Error(prepared.refusal.detail);
    const move = prepared.value.changes.find((change) => change.do === 'move');
    const counter = String(move?.key);
    queues.set(counter, [...(queues.get(counter) ?? []), prepared.value]);
  }
  const worker = async (queue: readonly RestoreItem[]): Promise<void> => {
    for (const item of queue) {
      const outcome = await shop.adapter.restore(item, () => Promise.resolve());
      expect(outcome).toMatchObject({ outcome: 'applied' });
    }
  };
  return seconds(async () => {
    await Promise.all([...queues.values()].map(worker));
  });
}

/** The run as the service carries it out: both steps go on side by side, woken at once. */
async function wholeRun(scene: Scene, runId: string): Promise<number> {
  return seconds(async () => {
    let isOver = false;
    const echoes = async (): Promise<void> => {
      while (!isOver) {
        await scene.echo();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const runs = async (): Promise<void> => {
      while ((await scene.run(runId)).state === 'running') await scene.runners();
      isOver = true;
    };
    await Promise.all([runs(), echoes()]);
  });
}

it('restores orders at a rate, beside the shop’s bare transactions', async () => {
  const scene = await Scene.create({ policy: { concurrency, stop_at_lock_timeouts: 1000 } });
  try {
    const started = async (job: string): Promise<string> => {
      const victims: string[] = [];
      for (let made = 0; made < orders; made += 1)
        victims.push(...(await scene.placePaid([1], 1 + (made % concurrency))));
      return (await scene.started(await scene.harm(victims, job))).runId;
    };
    const bareRun = await started('bare');
    await scene.query(
      `UPDATE restore_run SET limits = limits || '{"concurrency": 1}' WHERE id = $1`,
      [bareRun],
    );
    const bare = await counted(() => bareTransactions(scene, bareRun));
    // what the bare transactions left in the stream is taken in before the clock starts
    await scene.journalled();
    await scene.echo();
    const run = await started('whole');
    const whole = await counted(() => wholeRun(scene, run));
    expect((await scene.run(run)).items).toMatchObject({ verified: orders });
    const each = (sent: Map<string, number>) =>
      [...sent].map(([name, count]) => `${name.split('_')[0]} ${(count / orders).toFixed(1)}`);
    process.stdout.write(
      [
        `orders: ${orders}, side by side: ${concurrency}`,
        `bare shop transactions (the limit): ${(orders / bare.result).toFixed(1)} orders/s; statements an order: ${each(bare.sent).join(', ')}`,
        `whole run, verified by echo:        ${(orders / whole.result).toFixed(1)} orders/s; statements an order: ${each(whole.sent).join(', ')}`,
        `ratio: ${(bare.result / whole.result).toFixed(3)}`,
        '',
      ].join('\n'),
    );
  } finally {
    await scene.close();
  }
});
