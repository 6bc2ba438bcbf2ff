import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/platform/clock.js';
import { LogLines } from '../support/log-lines.js';
import { withClient } from '../support/postgres.js';
import { startTestService, type TestService } from '../support/service.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const traced = { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } };
const incidentId = '0192f0c1-7a5b-7c3d-8e4f-0123456789ab';

const lines = new LogLines();
let service: TestService;
beforeAll(async () => {
  const settings = { log_level: 'debug' as const };
  service = await startTestService({ clock: new SystemClock(), settings, logStream: lines });
});
afterAll(() => service.stop());

const answered = () => lines.of('request-answered');

describe('the log', () => {
  it('is JSON from its first line on, also what is told while the service starts', () => {
    const told = lines.all.filter(({ level }) => level === 'warn');
    expect(told).toEqual([
      expect.objectContaining({ message: expect.stringContaining('no receivers'), room: 'Pages' }),
    ]);
    expect(lines.all.some(({ message }) => String(message).includes('dependencies'))).toBe(false);
  });

  it('has a line per request with its trace and the ids of its path as fields', async () => {
    await service.admin.get(`/api/v1/incidents/${incidentId}/timeline?limit=3`, traced);
    await service.admin.get('/api/v1/shops/main/orders/A-17/cases');
    const [first, second] = answered().slice(-2);
    expect(first).toMatchObject({
      trace_id: traceId,
      incident_id: incidentId,
      level: 'warn',
      req: { method: 'GET', path: `/api/v1/incidents/${incidentId}/timeline` },
      res: { status: 404 },
    });
    expect(second).toMatchObject({ shop: 'main', order_id: 'A-17' });
    expect(second?.['trace_id']).toMatch(/^[0-9a-f]{32}$/);
    expect(second?.['trace_id']).not.toBe(traceId);
  });

  it('gives whatever is logged while a request is answered the same fields, after its body too', async () => {
    await withClient(service.database.url, (client) =>
      client.query('ALTER TABLE reinstate.audit_entry RENAME TO audit_away'),
    );
    const answer = await service.admin.post('/api/v1/persons', { name: 'Nobody' }, traced);
    await withClient(service.database.url, (client) =>
      client.query('ALTER TABLE reinstate.audit_away RENAME TO audit_entry'),
    );
    expect([answer.status, answer.body['traceId']]).toEqual([500, traceId]);
    const faults = lines.all.filter(({ level, room }) => level === 'error' && room === 'Http');
    expect(faults.at(-1)).toMatchObject({ trace_id: traceId, event: 'request-failed' });
  });

  it('names no field twice in a line, and no customer', async () => {
    await service.admin.get('/api/v1/shops/main/customers/ann%40example.org', traced);
    const line = answered().at(-1);
    expect(line).toMatchObject({ req: { path: '/api/v1/shops/main/customers/-' }, shop: 'main' });
    expect(lines.raw.match(/"trace_id"/g)).toHaveLength(
      lines.all.filter((one) => 'trace_id' in one).length,
    );
    expect(lines.raw).not.toContain('ann%40');
  });

  it('holds no token', async () => {
    await service.newcomer({ name: 'Logged', role: 'viewer' });
    expect(lines.raw).not.toMatch(/rst_/);
  });
});
