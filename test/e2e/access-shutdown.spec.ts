import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { SystemClock } from '../../src/platform/clock.js';
import { withClient } from '../support/postgres.js';
import { startTestService } from '../support/service.js';

it('a request that has begun is answered although the service ends; a new one is refused', async () => {
  const service = await startTestService({ clock: new SystemClock() });
  const { stopping, slow, late } = await withClient(service.database.url, async (client) => {
    await client.query('BEGIN; LOCK TABLE reinstate.audit_entry IN ACCESS EXCLUSIVE MODE');
    const slow = service.admin.post('/api/v1/persons', { name: 'Slow' });
    await pause(300);
    const stopping = service.stop();
    await pause(100);
    const late = await service.admin.get('/health/ready');
    await client.query('COMMIT');
    return { stopping, slow, late };
  });
  expect([late.status, late.body['code']]).toEqual([503, 'stopping']);
  expect((await slow).status).toBe(201);
  await stopping;
});
