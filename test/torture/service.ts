import 'reflect-metadata';
import { once } from 'node:events';
import { startService } from '../../src/bootstrap.js';
import { loadConfig } from '../../src/config/load-config.js';
import { AheadClock } from '../support/ahead-clock.js';
import type { Order, Ready } from './service-process.js';

// the whole service as `npm start` runs it, but for its clock, which the torture puts ahead, and for its
// beginning: it loads, and waits for the word. It ends with whoever started it.
const clock = new AheadClock();
process.on('disconnect', () => process.exit(0));
process.on('message', ({ aheadMs }: Order) => clock.setAhead(aheadMs));
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
