import { readFile } from 'node:fs/promises';
import { it } from '@jest/globals';
import { Scene } from '../test/medium/restore-scene.js';
import { withClient } from '../test/support/postgres.js';

const orders = Number(process.env['BENCH_ORDERS'] ?? 300);

/** What Reinstate's own database holds for each order that the shop places, and for each that it cancels. */
it('bytes of Reinstate’s own database per order change', async () => {
  const scene = await Scene.create();
  const bytes = async () =>
    withClient(scene.reinstate.url, async (client) => {
      await client.query('VACUUM (ANALYZE)');
      const { rows } = await client.query<{ table: string; bytes: string }>(
        `SELECT CASE WHEN relname LIKE 'journal_entry%' THEN 'journal_entry' ELSE relname END AS "table",
           sum(pg_total_relation_size(oid)) AS bytes FROM pg_class
         WHERE relnamespace = 'reinstate'::regnamespace AND relkind = 'r' GROUP BY 1`,
      );
      return new Map(rows.map(({ table, bytes }) => [table, Number(bytes)]));
    });
  const grown = (from: Map<string, number>, to: Map<string, number>, table?: string) =>
    Math.round(
      [...to]
        .filter(([name]) => table === undefined || name === table)
        .reduce((sum, [name, size]) => sum + size - (from.get(name) ?? 0), 0) / orders,
    );
  const start = await bytes();
  const placed = await scene.placePaid(Array.from({ length: orders }, () => 1));
  await scene.written();
  const afterPlacing = await bytes();
  await scene.cancel(placed);
  await scene.written();
  const afterCancelling = await bytes();
  const row = (what: string, from: Map<string, number>, to: Map<string, number>) => ({
    '': what,
    'bytes in all': grown(from, to),
    journal: grown(from, to, 'journal_entry'),
    'row images': grown(from, to, 'row_image'),
  });
  console.table([
    row('an order placed and paid (one line)', start, afterPlacing),
    row('its cancellation', afterPlacing, afterCancelling),
  ]);
  const own = await scene.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'reinstate'`,
  );
  const status = await readFile('/proc/self/status', 'utf8');
  console.log(
    `connections to its own database: ${own[0]?.count ?? 0}; memory of this process, test runner included: ${/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? '?'} kB`,
  );
  await scene.close();
});
