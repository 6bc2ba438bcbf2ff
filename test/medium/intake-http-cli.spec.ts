import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../../src/cli/run-cli.js';
import { ManualClock } from '../../src/platform/clock.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import { boughtOrder, lines, toldEvent, toldShops } from '../support/told-events.js';

let service: TestService<ManualClock>;
let directory: string;
let token: string;
beforeAll(async () => {
  service = await startTestService({
    clock: new ManualClock(testStart),
    settings: { shops: toldShops('main') },
  });
  token = (await service.newcomer({ name: 'Shop', role: 'ingest' })).secret;
  directory = await mkdtemp(join(tmpdir(), 'reinstate-events-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true, force: true });
});

async function reinstate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    environment: { url: service.url, token, attachUrl: undefined },
    version: '1.2.3',
    write: (text) => (out += text),
    writeError: (text) => (err += text),
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

const placed = (orderId: string) =>
  toldEvent('placed', { shop: 'main', orderId, at: testStart, ...boughtOrder(orderId) });

describe('reinstate order-event send', () => {
  it('sends a file, and again without doing it twice', async () => {
    const file = await fileOf('good', lines([placed('1'), placed('2')]));
    expect(await reinstate('order-event', 'send', file)).toMatchObject({
      ...{ code: 0, out: 'Kept 2 events; 0 were known already.\n', err: '' },
    });
    const again = await reinstate('order-event', 'send', file, '--json');
    expect([again.code, JSON.parse(again.out)]).toMatchObject([0, { kept: 0, repeated: 2 }]);
  });

  it('says what was rejected, also where nothing was taken, and ends with 1', async () => {
    const some = await fileOf('some', `${lines([placed('3')])}no event\n`);
    const told = await reinstate('order-event', 'send', some);
    expect(told.code).toBe(1);
    expect(told.out).toMatch(/^Kept 1 events; 0 were known already.\n/);
    expect(told.out).toMatch(/1 +- +malformed +the line is no JSON/);
    expect(told.err).toMatch(/1 events were rejected/);
    const none = await reinstate('order-event', 'send', await fileOf('none', 'no event'));
    expect([none.code, none.out]).toEqual([1, expect.stringContaining('malformed')]);
  });

  it('a file that cannot be read is a slip of the command', async () => {
    const { code, err } = await reinstate('order-event', 'send', join(directory, 'missing'));
    expect([code, err]).toEqual([2, expect.stringContaining('cannot read')]);
  });
});
