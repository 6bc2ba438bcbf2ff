import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AccessService } from '../../src/access/access.service.js';
import { AccessStore } from '../../src/access/access.store.js';
import { AuditService } from '../../src/access/audit.service.js';
import { AuditStore } from '../../src/access/audit.store.js';
import type { Caller } from '../../src/access/caller.js';
import { IdempotencyStore } from '../../src/access/idempotency.store.js';
import { IdempotencySweepStep } from '../../src/access/idempotency-sweep.step.js';
import { present } from '../../src/platform/assert.js';
import { ManualClock } from '../../src/platform/clock.js';
import {
  createReinstateDatabase,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';

const start = new Date('2026-11-22T03:00:00Z');
const dayMs = 86_400_000;

let test: ReinstateTestDatabase;
let clock: ManualClock;
let access: AccessService;
beforeEach(async () => {
  test = await createReinstateDatabase();
  clock = new ManualClock(start);
  const audit = new AuditService(test.database, new AuditStore());
  access = new AccessService(test.database, new AccessStore(), audit, clock);
});
afterEach(() => test.drop());

async function firstAdmin(): Promise<{ caller: Caller; secret: string }> {
  const issued = present(await access.ensureFirstAdmin(), 'the first start gives a token');
  const caller = present(await access.authenticate(issued.secret), 'which is good');
  return { caller, secret: issued.secret };
}

describe('the first admin token', () => {
  it('is made once, however often and by however many processes the service is started', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => access.ensureFirstAdmin()));
    expect(all.filter((issued) => issued !== undefined)).toHaveLength(1);
    expect(await access.ensureFirstAdmin()).toBeUndefined();
    expect((await access.persons({ limit: 50 })).items.map(({ name }) => name)).toEqual(['admin']);
  });

  it('is followed by another only where nobody could come in as admin any more', async () => {
    const { caller, secret } = await firstAdmin();
    clock.advance(90 * dayMs - 1);
    expect(await access.ensureFirstAdmin()).toBeUndefined();
    clock.advance(1);
    expect(await access.authenticate(secret)).toBeUndefined();
    const next = present(await access.ensureFirstAdmin(), 'nobody could come in');
    expect((await access.authenticate(next.secret))?.personId).toBe(caller.personId);
  });
});

describe('the last admin', () => {
  it('stays, also when two admins take each other away at the same moment', async () => {
    const { caller } = await firstAdmin();
    const other = await access.createPerson(caller, { name: 'B', email: null, kind: 'person' });
    await access.issueToken(caller, { personId: other.id, role: 'admin', label: 'b', days: 1 });
    const ends = await Promise.allSettled([
      access.disablePerson(caller, other.id),
      access.disablePerson(caller, caller.personId),
    ]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const active = (await access.persons({ limit: 50 })).items.filter(
      ({ disabledAt }) => disabledAt === null,
    );
    expect(active).toHaveLength(1);
  });
});

describe('a use of a token', () => {
  it('is noted, at most once a minute', async () => {
    const { caller, secret } = await firstAdmin();
    const lastUsed = async () =>
      (await access.tokens(caller.personId, { limit: 1 })).items[0]?.lastUsedAt;
    clock.advance(59_000);
    await access.authenticate(secret);
    expect(await lastUsed()).toEqual(start);
    clock.advance(2_000);
    await access.authenticate(secret);
    expect(await lastUsed()).toEqual(clock.now());
  });
});

describe('the audit', () => {
  it.each(['owner', 'runtime', 'superuser'] as const)(
    'cannot be changed, shortened or emptied by the %s',
    async (role) => {
      await firstAdmin();
      const { settings, url } = test;
      const urls = { owner: settings.url, runtime: settings.runtimeUrl, superuser: url };
      await withClient(present(urls[role], 'each role has a login'), async (client) => {
        const kept = async () =>
          (await client.query<object>('SELECT * FROM reinstate.audit_entry ORDER BY id')).rows;
        const before = await kept();
        expect(before).toHaveLength(2);
        for (const statement of [
          `UPDATE reinstate.audit_entry SET action = 'x'`,
          'DELETE FROM reinstate.audit_entry',
          'DELETE FROM reinstate.audit_entry WHERE false',
          'TRUNCATE reinstate.audit_entry',
          'TRUNCATE reinstate.person CASCADE',
        ]) {
          await expect(client.query(statement)).rejects.toThrow(
            /append-only|permission denied|must be owner/,
          );
        }
        expect(await kept()).toEqual(before);
      });
    },
  );

  it('is written together with the change, or not at all', async () => {
    const { caller } = await firstAdmin();
    await withClient(test.url, (client) =>
      client.query(`ALTER TABLE reinstate.audit_entry ADD CHECK (data->>'name' <> 'unlucky')`),
    );
    const given = { name: 'unlucky', email: null, kind: 'person' } as const;
    await expect(access.createPerson(caller, given)).rejects.toThrow('violates check constraint');
    expect((await access.persons({ limit: 50 })).items.map(({ name }) => name)).toEqual(['admin']);
  });
});

describe('answers to requests with an idempotency key', () => {
  it('are removed a day after they came, batch by batch', async () => {
    const { caller } = await firstAdmin();
    const store = new IdempotencyStore();
    const step = new IdempotencySweepStep(test.database, store);
    const context = () => ({ now: clock.now(), signal: new AbortController().signal });
    await test.database.query(
      `INSERT INTO idempotency_key (person_id, key, request, request_hash, created_at)
       SELECT $1, 'old ' || n, 'POST /', '\\x00', $2 FROM generate_series(1, 1500) n`,
      [caller.personId, start],
    );
    clock.advance(dayMs);
    await store.reserve(test.database, {
      personId: caller.personId,
      key: 'new',
      request: 'POST /',
      requestHash: Buffer.from([0]),
      now: clock.now(),
    });
    expect(await step.run(context())).toBe('idle');
    clock.advance(1);
    expect(await step.run(context())).toBe('more');
    expect(await step.run(context())).toBe('idle');
    const left = await test.database.query('SELECT key FROM idempotency_key');
    expect(left).toEqual([{ key: 'new' }]);
  });
});
