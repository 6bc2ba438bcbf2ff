import pg from 'pg';
import { pause } from '../../demo/story/waiting.js';
import { settingSteps } from '../../src/shops/postgres/lock-steps.js';
import { runRestore } from '../../src/shops/postgres/restore-transaction.js';
import {
  forgetsNames,
  knowsEnough,
  sendTogether,
} from '../../src/shops/postgres/statement-batch.js';
import { AdapterScene } from '../support/adapter-scene.js';

const note = () => Promise.resolve();
const timeoutMs = 10_000;

let scene: AdapterScene;
let client: pg.Client;

beforeAll(async () => {
  scene = await AdapterScene.create();
});

afterAll(() => scene.close());

beforeEach(async () => {
  client = new pg.Client({ connectionString: scene.database.url });
  await client.connect();
  await client.query('CREATE TEMPORARY TABLE thing (id text PRIMARY KEY)');
});

afterEach(() => client.end());

const add = (id: string) => ({ text: 'INSERT INTO thing VALUES ($1::text)', values: [id] });
const all = { text: 'SELECT id, NULL FROM thing ORDER BY id', values: [] };

/** What the session knows by name. */
async function prepared(): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    'SELECT statement FROM pg_prepared_statements ORDER BY prepare_time, statement',
  );
  return rows.map(({ statement }) => statement);
}

describe('statements that are sent together', () => {
  test('are carried out in their order, and each gives its rows', async () => {
    const sent = [add('b'), add('a'), all];
    expect(await sendTogether(client, sent, { timeoutMs })).toEqual({
      answers: [
        [],
        [],
        [
          ['a', null],
          ['b', null],
        ],
      ],
      failure: undefined,
    });
  });

  test('are parsed once a session', async () => {
    await sendTogether(client, [add('a'), add('b'), all], { timeoutMs });
    await sendTogether(client, [all, add('c')], { timeoutMs });
    expect(await prepared()).toEqual([add('').text, all.text]);
  });

  test('end with the first that fails, and what failed is known for it', async () => {
    await client.query('BEGIN');
    const { answers, failure } = await sendTogether(client, [add('a'), add('a'), all], {
      timeoutMs,
    });
    expect(answers).toEqual([[]]);
    expect(failure).toMatchObject({ code: '23505' });
    await client.query('ROLLBACK');
    const again = await sendTogether(client, [add('a'), all], { timeoutMs });
    expect(again.answers).toEqual([[], [['a', null]]]);
  });

  test('that could not be parsed are no less good later', async () => {
    const later = { text: 'SELECT 1 FROM later', values: [] };
    expect((await sendTogether(client, [later], { timeoutMs })).failure).toMatchObject({
      code: '42P01',
    });
    await client.query('CREATE TEMPORARY TABLE later ()');
    expect(await sendTogether(client, [later], { timeoutMs })).toMatchObject({ answers: [[]] });
  });

  test('are given up where the server says nothing', async () => {
    const { failure } = await sendTogether(client, [{ text: 'SELECT pg_sleep(1)', values: [] }], {
      timeoutMs: 100,
    });
    expect(failure).toMatchObject({ message: 'Query read timeout' });
  });

  test('go without names where a pooler mixes the sessions up', async () => {
    await sendTogether(client, [all], { timeoutMs });
    await client.query('DEALLOCATE ALL');
    const { failure } = await sendTogether(client, [all], { timeoutMs });
    expect(forgetsNames(client, failure)).toBe(true);
    expect(await sendTogether(client, [add('a'), all], { timeoutMs })).toMatchObject({
      failure: undefined,
    });
    expect(await prepared()).toEqual([]);
    expect(forgetsNames(client, new Error('another'))).toBe(false);
  });

  test('do not fill the server’s memory: a session that knows enough is to be left', async () => {
    const many = (from: number) =>
      Array.from({ length: 150 }, (_, place) => ({ text: `SELECT ${from + place}`, values: [] }));
    await sendTogether(client, many(0), { timeoutMs });
    expect(knowsEnough(client)).toBe(false);
    await sendTogether(client, many(150), { timeoutMs });
    expect(knowsEnough(client)).toBe(true);
  });
});

describe('a restore in a session that has restored before', () => {
  test('does not mind that the shop has changed a column’s type', async () => {
    const adapter = scene.open({ concurrency: 1 });
    const [first, second] = [await scene.wronglyCancelled(), await scene.wronglyCancelled()];
    expect(await adapter.restore(first.item, note)).toMatchObject({ outcome: 'applied' });
    await scene.pool.query('ALTER TABLE shop.order_line ALTER COLUMN sku TYPE varchar(200)');
    expect(await adapter.restore(second.item, note)).toMatchObject({ outcome: 'applied' });
    expect(await adapter.verify(second.item)).toEqual([]);
  });

  test('is done anew, and noted once, where a pooler has given it another session', async () => {
    const pool = new pg.Pool({ connectionString: scene.database.url, max: 1 });
    const noted: unknown[] = [];
    const restore = () =>
      runRestore(() => pool.connect(), {
        steps: [
          [{ kind: 'one', title: 'look', statement: { text: 'SELECT 1', values: [] }, judge }],
        ],
        noteTransaction: (transaction) => Promise.resolve(void noted.push(transaction)),
        timeouts: { lockMs: 300, statementMs: 2_000, transactionMs: 10_000 },
        counters: [],
        flushElsewhere: () => Promise.resolve(),
      });
    expect(await restore()).toMatchObject({ outcome: 'applied' });
    await pool.query('DEALLOCATE ALL');
    expect(await restore()).toMatchObject({ outcome: 'applied' });
    expect(noted).toHaveLength(2);
    await pool.end();
  });
});

describe('a restore of which the network cuts off the rest', () => {
  const transactionMs = 400;

  /** Carries on as if all were well, and lets no more than so many messages through. */
  function cutAfter(session: pg.PoolClient, messages: number): void {
    const { stream } = (session as unknown as { connection: pg.Connection }).connection;
    const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
    let left = messages;
    stream.write = ((...given: unknown[]) => {
      left -= 1;
      return left < 0 || write(...given);
    }) as typeof stream.write;
  }

  async function sessionsLeft(pids: readonly number[]): Promise<number> {
    const { rows } = await scene.pool.query(
      'SELECT FROM pg_stat_activity WHERE pid = ANY($1::integer[])',
      [pids],
    );
    return rows.length;
  }

  test('holds nothing in the shop beyond its bounds, wherever the cut is', async () => {
    const { orderId } = await scene.wronglyCancelled();
    const lock = {
      text: 'SELECT id FROM shop.orders WHERE id = $1::bigint FOR UPDATE',
      values: [orderId],
    };
    const step = { kind: 'run', title: 'lock', statement: lock } as const;
    const settings = settingSteps({ lockMs: 60_000, statementMs: 60_000, transactionMs });
    const pids: number[] = [];
    const streams: pg.Connection['stream'][] = [];
    const reached = await Promise.all(
      Array.from({ length: 24 }, async (_, messages) => {
        const pool = new pg.Pool({ connectionString: scene.database.url, max: 1 });
        pool.on('error', () => undefined);
        const open = async () => {
          const session = await pool.connect();
          const { processID } = session as unknown as { processID: number };
          pids.push(processID);
          streams.push((session as unknown as { connection: pg.Connection }).connection.stream);
          cutAfter(session, messages);
          return session;
        };
        let isNoted = false;
        const restore = runRestore(open, {
          steps: [[...settings, step, step, step]],
          noteTransaction: () => Promise.resolve(void (isNoted = true)),
          timeouts: { lockMs: 60_000, statementMs: 60_000, transactionMs },
          counters: [],
          flushElsewhere: () => Promise.resolve(),
        });
        // nobody answers it any more, and what it waits for is not the question here
        await Promise.race([restore, pause(transactionMs + 1_000)]);
        return isNoted;
      }),
    );
    // the sessions to which nothing came have begun nothing
    expect(await sessionsLeft(pids)).toBe(1);
    expect(reached).not.toContain(true);
    for (const stream of streams) stream.destroy();
  });
});

function judge() {
  return { outcome: 'failed', reason: 'shop-error', detail: 'no row' } as const;
}
