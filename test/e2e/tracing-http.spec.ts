import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { configSchema } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { LogLines } from '../support/log-lines.js';
import { startTestService, testStart, type TestService } from '../support/service.js';
import { boughtOrder, tell, toldEvent, toldShops } from '../support/told-events.js';
import { TraceCollector } from '../support/trace-collector.js';

const callersTrace = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${callersTrace}-00f067aa0ba902b7-01`;

let collector: TraceCollector;
let log: LogLines;

beforeAll(async () => {
  collector = await TraceCollector.start();
  log = new LogLines();
});
afterAll(() => collector.stop());

async function startTraced(endpoint: string): Promise<TestService<ManualClock>> {
  const { tracing } = configSchema.parse({ tracing: { endpoint } });
  return startTestService({
    clock: new ManualClock(testStart),
    settings: { tracing, shops: toldShops('main'), log_level: 'debug' },
    logStream: log,
  });
}

describe('a request', () => {
  let service: TestService<ManualClock>;
  beforeAll(async () => {
    service = await startTraced(collector.url);
  });

  it('goes on with the trace of its caller', async () => {
    const path = '/api/v1/incidents?limit=7';
    expect((await service.admin.get(path, { headers: { traceparent } })).status).toBe(200);
    const span = await collector.has('GET /api/v1/incidents');
    expect(span).toMatchObject({
      traceId: callersTrace,
      parentSpanId: '00f067aa0ba902b7',
      kind: 2,
      status: { code: 0 },
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/api/v1/incidents',
        'http.response.status_code': 200,
        'url.path': '/api/v1/incidents',
        'url.scheme': 'http',
      },
    });
    expect(collector.resource).toMatchObject({ 'service.name': 'reinstate' });
    expect(log.of('request-answered').map((line) => line['trace_id'])).toContain(callersTrace);
  });

  it('begins a trace where the caller has none, under the id that log and answer tell', async () => {
    const answer = await service.admin.get(
      '/api/v1/incidents/0198c5b2-7e1f-7c3a-9d21-5f0f6c1c2b11',
    );
    expect(answer.status).toBe(404);
    const span = await collector.has('GET /api/v1/incidents/:id');
    expect(span.parentSpanId ?? '').toBe('');
    expect(answer.body['traceId']).toBe(span.traceId);
    const [line] = log.of('request-answered').filter(({ trace_id }) => trace_id === span.traceId);
    expect(line).toBeDefined();
  });

  it('holds what is done for it, and nothing that is secret or of a customer', async () => {
    const teller = await service.newcomer({ name: 'Shop', role: 'ingest', kind: 'service' });
    const placed = { shop: 'main', orderId: 'o1', at: testStart, ...boughtOrder('o1') };
    const told = await tell(teller.http, toldEvent('placed', placed), { traceparent });
    expect(told.status).toBe(200);
    const append = await collector.has('journal append');
    expect(append.traceId).toBe(callersTrace);
    expect(append.attributes).toMatchObject({ 'reinstate.shop': 'main', 'reinstate.events': 1 });
    const around = await collector.has('POST /api/v1/order-events');
    expect(append.parentSpanId).toBe(around.spanId);
    await service.admin.get('/api/v1/incidents?token=hidden-word');
    await collector.has('GET /api/v1/incidents');
    // beside the secrets: what the order's event tells of its customer
    for (const hidden of [teller.secret, service.adminToken, 'hidden-word', 'Ann', 'example.org'])
      expect(collector.raw).not.toContain(hidden);
  });

  it('is sent also where the service ends right after it; health and metrics are not told', async () => {
    await service.admin.get('/health/ready');
    await service.admin.get('/metrics');
    await service.admin.get('/api/v1/shops');
    await service.stop();
    expect(collector.named('GET /api/v1/shops')).toHaveLength(1);
    expect(collector.raw).not.toMatch(/health|metrics/);
    // looking for work and finding none is not worth telling
    expect(collector.spans.filter(({ name }) => name === 'step restore-run')).toEqual([]);
  });
});

describe('a collector', () => {
  beforeEach(() => {
    log = new LogLines();
    // how long an attempt goes on: the standard variable holds
    process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '1000';
  });
  afterEach(() => {
    delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT'];
  });

  it('that is not there harms nothing; it is said once, and once when it is there again', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const service = await startTraced(`http://somebody:hidden-word@127.0.0.1:${port}`);
    try {
      const said = () => log.of('traces-not-sent');
      while (said().length === 0) {
        expect((await service.admin.get('/api/v1/incidents')).status).toBe(200);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(said()[0]).toMatchObject({ level: 'warn', room: 'Traces' });
      const there = await TraceCollector.start(port);
      while (log.of('traces-sent-again').length === 0) {
        await service.admin.get('/api/v1/incidents');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(there.named('GET /api/v1/incidents')).not.toEqual([]);
      await service.stop();
      await there.stop();
    } catch (error) {
      await service.stop();
      throw error;
    }
    expect(log.of('traces-not-sent')).toHaveLength(1);
    expect(log.raw).not.toContain('hidden-word');
  });

  it('that never answers keeps neither requests nor the end waiting', async () => {
    // longer than a test may last: who waited for the answer would hang
    process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '500000';
    collector.isSilent = true;
    const asked = collector.requests;
    const service = await startTraced(collector.url);
    while (collector.requests === asked)
      expect((await service.admin.get('/api/v1/incidents')).status).toBe(200);
    await service.stop();
    expect(collector.requests).toBeGreaterThan(asked);
  });
});
