import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import {
  createApplicationCredential,
  createReinstateCredentials,
  createShopDatabase,
  type ReinstateCredentials,
} from '../../demo/shop/database.js';
import { payOrder } from '../../demo/shop/pay-order.js';
import { createCart, placeCart } from '../../demo/shop/place-order.js';
import { inTransaction } from '../../demo/shop/transaction.js';
import { runCli } from '../../src/cli/run-cli.js';
import { configSchema } from '../../src/config/config.schema.js';
import { Clock } from '../../src/platform/clock.js';
import { testServerUrl, withClient } from '../support/postgres.js';
import { startTestService, type TestService } from '../support/service.js';

/** The machine's clock, ahead by what the test says. */
class AheadClock extends Clock {
  private aheadMs = 0;

  override now(): Date {
    return new Date(Date.now() + this.aheadMs);
  }

  advance(milliseconds: number): void {
    this.aheadMs += milliseconds;
  }
}

const shopName = `shop_${randomBytes(5).toString('hex')}`;
let service: TestService<AheadClock>;
let credentials: ReinstateCredentials;
let shopUrl: string;
let application: pg.Pool;
/** everything that the command line has said to anybody */
let said = '';

beforeAll(async () => {
  const database = await createShopDatabase(testServerUrl('postgres'), shopName);
  shopUrl = database.url;
  credentials = await createReinstateCredentials(database);
  application = new pg.Pool({ connectionString: await createApplicationCredential(database) });
  const { replicate, read, write } = credentials;
  const { shops } = configSchema.parse({
    shops: [
      {
        ...{ id: 'main', name: 'Main shop', profile: 'sample-shop' },
        postgres: { replicate, read, write },
      },
    ],
  });
  service = await startTestService({ clock: new AheadClock(), settings: { shops } });
});

afterAll(async () => {
  await service.stop();
  await application.end();
  await withClient(shopUrl, (client) =>
    client.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()`,
    ),
  );
  await withClient(testServerUrl('postgres'), (client) =>
    client.query(`DROP DATABASE ${shopName} WITH (FORCE)`),
  );
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line; words in quotes belong together. */
async function run(
  line: string,
  world: { token?: string; attachUrl?: string } = {},
): Promise<Ended> {
  let out = '';
  let err = '';
  const args = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
  const code = await runCli(args, {
    environment: { url: service.url, token: service.adminToken, attachUrl: undefined, ...world },
    version: '1.2.3',
    write: (text) => (out += text),
    writeError: (text) => (err += text),
    signal: new AbortController().signal,
  });
  said += out + err;
  return { code, out, err };
}

/** The answer of a command that has to go well. */
async function done(line: string, world?: Parameters<typeof run>[1]): Promise<string> {
  const { code, out, err } = await run(line, world);
  expect([line, code, err]).toEqual([line, 0, '']);
  return out;
}

/** What it asks about may not be known yet: then it is asked again. */
async function until(what: string, line: string, shown: RegExp): Promise<string> {
  const deadline = Date.now() + 20_000;
  let last = '';
  while (Date.now() < deadline) {
    const { code, out, err } = await run(line);
    if (code === 0 && shown.test(out)) return out;
    last = err === '' ? out : err;
    await pause(50);
  }
  throw new Error(`waited in vain for ${what}; the last answer: ${last}`);
}

/** A person with a token, made by the admin on the command line. */
async function newcomer(name: string, role: string): Promise<{ token: string }> {
  await done(`person add "${name}"`);
  const token = await done(`token issue "${name}" --role ${role} --label test`);
  return { token: token.trim() };
}

/** A paid order of a customer of its own; its number. */
async function placePaid(): Promise<{ id: string; number: string }> {
  return inTransaction(application, async (tx) => {
    const customer = await tx.query<{ id: string }>(
      `INSERT INTO shop.customer (name, email, street, postal_code, city, region, country)
       VALUES ('Ada Secret', 'ada@example.com', 'Street 1', '04109', 'Leipzig', 'SN', 'DE') RETURNING id`,
    );
    const id = await createCart(tx, {
      customerId: Number(customer.rows[0]?.id),
      lines: [{ productId: 1, quantity: 2 }],
      ...{ couponCode: null, deliveryMethod: 'standard', promisedDate: null },
      ...{ slotStartsAt: null, slotEndsAt: null, paymentMethod: 'card', channel: 'web' },
      ...{ appVersion: '1.0', warehouse: 'LEJ', region: 'SN', country: 'DE' },
      shipTo: { name: 'Ada Secret', street: 'Street 1', postalCode: '04109', city: 'Leipzig' },
      contact: { email: 'ada@example.com', phone: null },
    });
    const placed = await placeCart(tx, id);
    const paid = await payOrder(tx, id);
    if (!placed.done || !paid.done) throw new Error('the order was not placed');
    const found = await tx.query<{ number: string }>(
      'SELECT number FROM shop.orders WHERE id = $1',
      [id],
    );
    return { id, number: found.rows[0]!.number };
  });
}

async function cancelByJob(orderId: string): Promise<void> {
  await inTransaction(application, async (tx) => {
    const actor = { kind: 'job', name: 'unpaid-orders' } as const;
    await cancelOrder(tx, { orderId, actor, reason: 'payment not received' });
  });
}

describe('a night on call, by the command line alone', () => {
  const orders: { id: string; number: string }[] = [];
  let robin: { token: string };
  let alex: { token: string };

  it('attaches a shop with a credential that is used once, checks it and arms it', async () => {
    await withClient(shopUrl, (client) =>
      client.query(`INSERT INTO shop.product (id, sku, name, price_minor, tax_rate_basis_points) VALUES (1, 'KT-1001', 'Cast iron pan 28 cm', 5490, 1900);
        INSERT INTO shop.stock VALUES (1, 'LEJ', 100, 0)`),
    );
    expect(await done('shop attach-sql main')).toMatch(/CREATE PUBLICATION/);
    expect((await run('shop attach main --url ' + service.url)).code).toBe(1);
    await done('shop attach main', { attachUrl: credentials.attach });
    await until('the stream', 'shop status main', /^stream +streaming$/m);
    expect(await done('shop check main')).toMatch(/^profile +fits the shop$/m);
    expect(await done('shop arm main')).toMatch(/^restores +armed$/m);
    expect(await done('shop list')).toMatch(/^main +Main shop +sample-shop +armed/m);
  });

  it('hears of cancelled orders and opens an incident by hand', async () => {
    robin = await newcomer('Robin', 'responder');
    alex = await newcomer('Alex', 'approver');
    for (let count = 0; count < 3; count += 1) orders.push(await placePaid());
    for (const { id } of orders) await cancelByJob(id);
    const number = orders[0]?.number ?? '';
    await until('the journal', `order journal main ${number}`, /cancelled/);
    const shown = await done(`order show main ${number}`);
    expect(shown).toMatch(/^status +cancelled$/m);
    expect(shown).toMatch(/Cast iron pan 28 cm +0 +EUR 54\.90 +EUR 0\.00/);

    const declared = await done(
      'incident declare main --since 1h --actor unpaid-orders --reason "customers call"',
      robin,
    );
    expect(declared).toMatch(/^incident +1$/m);
    expect(declared).toMatch(/^declared by +Robin$/m);
    service.clock.advance(30_000);
    const cases = await until('verdicts', 'incident cases 1 --all', /(S-\d+ +wrongful .*\n){3}/);
    for (const order of orders) expect(cases).toContain(order.number);
    expect(cases).toContain('job "unpaid-orders"');
    expect(await done(`order cases main ${number}`)).toMatch(/^1 +open +open +wrongful/m);
  });

  it('works on the incident', async () => {
    expect(await done('incident acknowledge #1', robin)).toMatch(/^status +acknowledged$/m);
    // whoever may not list persons can still take it
    expect(await done('incident assign 1', robin)).toMatch(/^assignee +Robin$/m);
    expect(await done('incident assign 1 --to Alex')).toMatch(/^assignee +Alex$/m);
    await done('incident comment 1 "the job is switched off"', robin);
    const number = orders[2]?.number ?? '';
    const judged = await done(
      `incident verdict 1 ${number} intended --reason "the customer wanted it"`,
      robin,
    );
    expect(judged).toMatch(/^verdict +intended$/m);
    const timeline = await done('incident timeline 1 --all');
    expect(timeline).toMatch(/Robin +comment +the job is switched off/);
    expect(timeline).toMatch(
      /Robin +verdict set +.*wrongful -> intended \(the customer wanted it\)/,
    );
    expect(await done('incident bleeding 1')).toMatch(/^harm +has stopped$/m);
  });

  it('plans, has it approved by somebody else who looked at it, and follows the run to its end', async () => {
    const made = await done('plan create 1', robin);
    expect(made).toMatch(/^to set back +2$/m);
    const hash = /^hash +([0-9a-f]{64})$/m.exec(made)?.[1] ?? '';
    const items = await done('plan items 1');
    expect(items).toContain(`order ${orders[0]?.number}`);
    expect(items).toMatch(/^ {2}status: cancelled -> paid$/m);
    expect(items).not.toContain(orders[2]?.number);

    expect((await run('run start 1', robin)).err).toMatch(/\[.+\]/);
    expect((await run(`plan approve 1 --hash ${hash}`, robin)).err).toContain('[role-too-low]');
    expect((await run('plan approve 1 --hash 1234', alex)).code).toBe(2);
    expect((await run('plan approve 1 --hash 12345678', alex)).err).toContain('another hash');
    const approved = await done(`plan approve 1 --hash ${hash.slice(0, 8)}`, alex);
    expect(approved).toMatch(/^state +approved$/m);
    expect(approved).toMatch(/Alex +approved/);
    expect((await run('plan sql 1', alex)).err).toContain('[plan-not-approved]');
    expect(await done('plan sql 1')).toMatch(/^-- Restore plan 1, hash [0-9a-f]{64}$/m);

    expect((await run('run show 1')).err).toContain('was not started yet');
    await done('run start 1', robin);
    const watched = await done('run watch 1');
    expect(watched.match(/order verified/g)).toHaveLength(2);
    expect(watched.trimEnd().split('\n').at(-1)).toBe('finished: 2 verified');
    expect(await done('run list 1')).toMatch(/restore +finished/);
    expect((await done('run items 1 --state verified')).match(/verified/g)?.length).toBeGreaterThan(
      1,
    );
    const shown = await done(`order show main ${orders[0]?.number}`);
    expect(shown).toMatch(/^status +paid$/m);
    expect(await done(`order show main ${orders[2]?.number}`)).toMatch(/^status +cancelled$/m);
  });

  it('can plan to take it back, stops everything, and ends the night', async () => {
    expect(await done('run undo 1', robin)).toMatch(/^does +undo$/m);
    expect(await done('plan reject 2 --reason "no need"', alex)).toMatch(/^state +rejected$/m);
    expect(await done('plan list 1')).toMatch(/2 +undo +rejected/);
    expect(await done('shop stop main --reason "enough"', robin)).toMatch(/^because +enough$/m);
    expect((await run('shop resume main', robin)).err).toContain('[role-too-low]');
    await done('shop resume main', alex);
    await done('incident resolve 1 --reason "all orders are back"', robin);
    expect(await done('incident list --status resolved')).toMatch(/^1 +\w+ +resolved/m);
    await done('incident reopen 1 --reason "one more call"', robin);
    expect(await done('shop detach main', { attachUrl: credentials.attach })).toContain('Detached');
    const audit = await done('audit list --all');
    for (const action of ['shop.armed', 'shop.stopped', 'token.issued']) {
      expect(audit).toContain(action);
    }
  });

  it('has told nobody a credential of the shop, and kept none', async () => {
    const tables = await service.database.database.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'reinstate'::regnamespace AND relkind IN ('r', 'p')`,
    );
    expect(tables.length).toBeGreaterThan(20);
    const kept = await Promise.all(
      tables.map(({ name }) =>
        withClient(service.database.url, async (client) => {
          const found = await client.query<{ row: string }>(
            `SELECT t::text AS row FROM reinstate.${name} t`,
          );
          return found.rows.map(({ row }) => row).join('\n');
        }),
      ),
    );
    expect(said.length).toBeGreaterThan(5_000);
    expect(kept.join('').length).toBeGreaterThan(5_000);
    for (const url of Object.values({ ...credentials })) {
      const { password } = new URL(url);
      expect(said).not.toContain(password);
      expect(kept.join('')).not.toContain(password);
    }
    // nor does the customer's name stand anywhere in the clear
    expect(kept.join('')).not.toContain('Ada Secret');
  });
});
