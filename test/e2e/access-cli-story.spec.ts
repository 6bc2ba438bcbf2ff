import { afterAll, beforeAll, it } from '@jest/globals';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { runCli } from '../../src/cli/run-cli.js';
import { ManualClock } from '../../src/platform/clock.js';
import { configSchema } from '../../src/config/config.schema.js';
import { orderEvent } from '../support/order-events.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let service: TestService<ManualClock>;
let shop: TestDatabase;
beforeAll(async () => {
  shop = await createTestDatabase();
  const { shops } = configSchema.parse({ shops: [{ id: 'main', name: 'Main shop', profile: 'sample-shop', postgres: { replicate: shop.url, read: shop.url } }] });
  service = await startTestService({ clock: new ManualClock(testStart), settings: { shops } });
});
afterAll(async () => { await service.stop(); await shop.drop(); });

async function reinstate(args: readonly string[], token = service.adminToken) {
  let out = ''; let err = '';
  const code = await runCli(args, { environment: { url: service.url, token, attachUrl: undefined }, version: '1', write: (t) => (out += t), writeError: (t) => (err += t), signal: new AbortController().signal });
  return { code, out, err };
}

it('story', async () => {
  const journal = new JournalService(service.database.database, new JournalStore());
  await service.database.database.transaction((tx) => journal.append(tx, 'main', [1,2,3,4].map((n) => orderEvent(n, { shopId: 'main', committedAt: '2026-11-22T02:50:00.000000Z' })), service.clock.now()));
  const show = async (line: string, token?: string) => { const r = await reinstate(line.match(/"[^"]*"|\S+/g)!.map((w) => w.replaceAll('"', '')), token); process.stderr.write(`$ ${line}  -> ${r.code}\n${r.out}${r.err}\n`); return r; };
  await show('shop list'); await show('shop show main'); await show('shop status main'); await show('shop check main'); await show('shop attach main'); await show('shop arm main');
  await show('shop stop main --reason "x y"'); await show('shop resume main');
  await show('order journal main S-1'); await show('order show main S-1');
  await show('incident declare main --since 2026-11-22T02:00:00Z --until 2026-11-22T02:59:00Z --reason "customers call" ');
  await new Promise((r) => setTimeout(r, 3000));
  await show('incident list'); await show('incident show 1'); await show('incident cases 1'); await show('order cases main S-2');
  await show('incident verdict 1 S-1 wrongful --reason "customer called"');
  await show('incident assign 1'); await show('incident acknowledge #1'); await show('incident comment 1 "hello there"');
  await show('incident bleeding 1'); await show('incident timeline 1');
  await show('plan create 1'); await show('plan create 1 --orders S-1'); await show('plan list 1'); await show('plan items 1'); await show('plan show 1');
  await show('plan approve 1 --hash 1234'); await show('plan approve 1 --hash 12345678'); await show('run start 1'); await show('run list 1'); await show('run show 1'); await show('plan sql 1');
  await show('incident resolve 1 --reason done'); await show('incident reopen 1 --reason again');
  await show('announce create main --starts-at now --ends-at +2h --greatest-count 5 --reason "recall" --actor-kind staff --attribute channel=web'); await show('announce list');
  await show('finding list'); await show('alert list');  await show('audit list');
});
