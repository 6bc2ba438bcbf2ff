import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ManualClock } from '../../src/platform/clock.js';
import { Database } from '../../src/platform/database/database.js';
import { gaugeOfRows } from '../../src/platform/telemetry/row-metrics.js';
import { ScrapedRows, type ScrapeLimits } from '../../src/platform/telemetry/scraped-rows.js';
import { WorkQueues } from '../../src/platform/work/work-queues.js';
import { createReinstateDatabase, type ReinstateTestDatabase } from '../support/postgres.js';

const start = new Date('2026-11-22T03:00:00Z');
const roomy: ScrapeLimits = { statementMs: 60_000, scrapeMs: 60_000 };

let test: ReinstateTestDatabase;
let registry: Registry;

beforeAll(async () => {
  // reads that fail are warnings in the log, and are meant here
  Logger.overrideLogger(false);
  test = await createReinstateDatabase();
});
afterAll(() => test.drop());
beforeEach(() => {
  registry = new Registry();
});

const rowsOf = (limits: ScrapeLimits) =>
  new ScrapedRows(registry, test.database, new ManualClock(start), limits);

/** A gauge `name` that shows what a statement gives. */
function show(scraped: ScrapedRows, name: string, sql: string): void {
  const read = scraped.define(name, (reader) => reader.query<{ shop: string; value: number }>(sql));
  gaugeOfRows(registry, {
    ...{ name, help: name, labelNames: ['shop'], read },
    zeros: () => [{ shop: 'main' }, { shop: 'other' }],
    samples: (rows) => rows.map(({ shop, value }) => ({ labels: { shop }, value })),
  });
}

describe('numbers that come from rows', () => {
  it('are read at each scrape, over their zeros, and forgotten with their rows', async () => {
    const owned = new Database(test.database.dataSource);
    await owned.query(
      `INSERT INTO work_lease (name, owner, epoch, expires_at) VALUES ('main', 'me', 3, $1)`,
      [start],
    );
    show(rowsOf(roomy), 'epoch', 'SELECT name AS shop, epoch AS value FROM work_lease');
    const first = await registry.metrics();
    expect(first).toContain('epoch{shop="main"} 3\n');
    expect(first).toContain('epoch{shop="other"} 0\n');
    await owned.query(`UPDATE work_lease SET name = 'gone'`);
    const second = await registry.metrics();
    expect(second).toContain('epoch{shop="main"} 0\n');
    expect(second).toContain('epoch{shop="gone"} 3\n');
    await owned.query('DELETE FROM work_lease');
    expect(await registry.metrics()).not.toContain('gone');
  });

  it('are left out and counted where a statement takes too long; the others are there', async () => {
    const scraped = rowsOf({ statementMs: 200, scrapeMs: 60_000 });
    show(scraped, 'slow', `SELECT 'main' AS shop, 1 AS value FROM pg_sleep(600)`);
    show(scraped, 'quick', `SELECT 'main' AS shop, 7 AS value`);
    const text = await registry.metrics();
    expect(text).toContain('quick{shop="main"} 7\n');
    expect(text).not.toMatch(/^slow\{/m);
    expect(text).toContain('# TYPE slow gauge');
    expect(await registry.metrics()).toMatch(
      /reinstate_scrape_failures_total\{rows="slow"\} [12]\n/,
    );
    expect(text).toContain('reinstate_scrape_failures_total{rows="quick"} 0\n');
  });

  it('can write nothing', async () => {
    show(rowsOf(roomy), 'writes', `DELETE FROM work_lease RETURNING name AS shop, 1 AS value`);
    await registry.metrics();
    expect(await registry.metrics()).toMatch(
      /reinstate_scrape_failures_total\{rows="writes"\} [12]\n/,
    );
  });

  it('end within their time where no connection is free, and come back', async () => {
    const scraped = rowsOf({ statementMs: 200, scrapeMs: 400 });
    for (const name of ['one', 'two', 'three'])
      show(scraped, name, `SELECT 'main' AS shop, 1 AS value`);
    const { dataSource } = test.database;
    const taken = Array.from({ length: test.settings.poolSize }, () =>
      dataSource.createQueryRunner(),
    );
    await Promise.all(taken.map((runner) => runner.connect()));
    const blind = await registry.metrics();
    expect(blind).not.toMatch(/^(one|two|three)\{/m);
    await Promise.all(taken.map((runner) => runner.release()));
    const text = await registry.metrics();
    for (const name of ['one', 'two', 'three']) {
      expect(text).toContain(`${name}{shop="main"} 1\n`);
      expect(text).toContain(`reinstate_scrape_failures_total{rows="${name}"} 1\n`);
    }
  });

  it('are read once for all metrics that show them', async () => {
    let reads = 0;
    const read = rowsOf(roomy).define('shared', () => Promise.resolve((reads += 1)));
    for (const name of ['first', 'second'])
      gaugeOfRows(registry, {
        ...{ name, help: name, labelNames: [], read, zeros: () => [] },
        samples: (value) => [{ labels: {}, value }],
      });
    expect(await registry.metrics()).toMatch(/first 1\n[^]*second 1\n/);
    expect(await registry.metrics()).toMatch(/first 2\n[^]*second 2\n/);
  });
});

describe('queues', () => {
  it('tell what is due and how late the oldest is; one that cannot be read hides no other', async () => {
    const queues = new WorkQueues(registry, rowsOf(roomy));
    queues.show('idle', () => Promise.resolve({ due: 0, since: null }));
    queues.show('busy', (_reader, now) =>
      Promise.resolve({ due: 4, since: new Date(now.getTime() - 90_000) }),
    );
    queues.show('unreadable', () => Promise.reject(new Error('no such table')));
    const text = await registry.metrics();
    expect(text).toContain('reinstate_queue_due{step="idle"} 0\n');
    expect(text).toContain('reinstate_queue_late_seconds{step="idle"} 0\n');
    expect(text).toContain('reinstate_queue_due{step="busy"} 4\n');
    expect(text).toContain('reinstate_queue_late_seconds{step="busy"} 90\n');
    expect(text).not.toContain('step="unreadable"');
  });
});
