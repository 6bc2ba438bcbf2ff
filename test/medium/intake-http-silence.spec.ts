import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../src/platform/clock.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import {
  boughtOrder,
  eventsPath,
  tell,
  toldEvent,
  toldShops,
  type SentEvent,
} from '../support/told-events.js';

let service: TestService<ManualClock>;
let secret: string;
let sent = 0;

beforeAll(async () => {
  service = await startTestService({
    clock: new ManualClock(testStart),
    settings: { shops: toldShops('main', 'other') },
  });
  ({ secret } = await service.newcomer({ name: 'Shop', role: 'ingest', kind: 'service' }));
});
afterAll(() => service.stop());

function placed(shop = 'main'): SentEvent {
  sent += 1;
  const orderId = `o${sent}`;
  return toldEvent('placed', { shop, orderId, at: service.clock.now(), ...boughtOrder(orderId) });
}

/** Values of a metric by shop. */
async function shown(name: string): Promise<Record<string, number>> {
  const { text } = await service.admin.get('/metrics');
  const lines = [...text.matchAll(new RegExp(`^${name}\\{shop="(\\w+)"\\} (\\S+)$`, 'gm'))];
  return Object.fromEntries(lines.map(([, shop = '', value]) => [shop, Number(value)]));
}

describe('a shop that falls silent', () => {
  it('is told with its bound, from its first event on, until it tells something again', async () => {
    const silent = () => shown('reinstate_order_events_silent_seconds');
    const bound = () => shown('reinstate_order_events_silent_bound_seconds');
    expect(await silent()).toEqual({ main: 0, other: 0 });
    expect(await bound()).toEqual({ main: 0, other: 0 });
    const teller = service.admin.as(secret);
    expect(await tell(teller, [placed()])).toMatchObject({ status: 200 });
    service.clock.advance(3_700_000);
    expect(await silent()).toEqual({ main: 3_700, other: 0 });
    expect(await bound()).toEqual({ main: 3_600, other: 0 });
    expect(await tell(teller, [placed()])).toMatchObject({ status: 200 });
    expect(await silent()).toEqual({ main: 0, other: 0 });
  });
});

describe('a stream that is larger than a request may be', () => {
  const mebibyte = Buffer.alloc(1_048_576, 'x');

  /** A real request: a good event, and then a line without an end. */
  async function stream(mebibytes: number): Promise<{ status: number; body: unknown }> {
    const { hostname, port } = new URL(service.url);
    return new Promise((resolve, reject) => {
      const call = request({
        ...{ hostname, port, path: eventsPath, method: 'POST' },
        headers: {
          authorization: `Bearer ${secret}`,
          'content-type': 'application/x-ndjson',
        },
      });
      let isAnswered = false;
      call.on('response', (response) => {
        isAnswered = true;
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }),
        );
      });
      // what is sent after the answer, nobody reads any more
      call.on('error', (error) => {
        if (!isAnswered) reject(error);
      });
      call.write(`${JSON.stringify(placed())}\n`);
      let left = mebibytes;
      const more = (): void => {
        for (; left > 0 && !isAnswered; left -= 1)
          if (!call.write(mebibyte)) {
            left -= 1;
            call.once('drain', more);
            return;
          }
        call.end();
      };
      more();
    });
  }

  it('is read up to there: what came before stays, and the rest is told as not read', async () => {
    expect(await stream(257)).toMatchObject({
      status: 207,
      body: { kept: 1, rejected: 1, rejections: [{ index: 1, code: 'request-too-large' }] },
    });
  });
});
