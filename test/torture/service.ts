import 'reflect-metadata';
import { once } from 'node:events';
import { startService } from '../../src/bootstrap.js';
import { loadConfig } from '../../src/config/load-config.js';
import { Clock } from '../../src/platform/clock.js';
import type { Order, Ready } from './service-process.js';

/**
 * The whole service as `npm start` runs it, but for its clock, which the torture puts ahead, and for its
 * beginning: it loads, and waits for the word. It ends with whoever started it.
 */
class AheadClock extends Clock {
  aheadMs = 0;

  override now(): Date {
    return new Date(Date.now() + this.aheadMs);
  }
}

const clock = new AheadClock();
process.on('disconnect', () => process.exit(0));
process.on('message', ({ aheadMs }: Order) => (clock.aheadMs = aheadMs));
await once(process, 'message');
const service = await startService(await loadConfig(), {
  say: () => undefined,
  clock,
  lost: (error) => {
    throw error;
  },
});
const ready: Ready = { url: service.url, firstToken: service.firstToken };
process.send?.(ready);
