import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cancelOrder } from '../../demo/shop/cancel-order.js';
import { inSpan } from '../../src/platform/telemetry/tracing/span.js';
import { startTracing } from '../../src/platform/telemetry/tracing/tracing.js';
import type { CollectedSpan } from '../support/trace-collector.js';
import { TraceCollector } from '../support/trace-collector.js';
import { Scene } from './restore-scene.js';

let collector: TraceCollector;
let tracing: Awaited<ReturnType<typeof startTracing>>;
let scene: Scene;

beforeAll(async () => {
  collector = await TraceCollector.start();
  tracing = await startTracing({ endpoint: collector.url, sampleRatio: 1, version: '0' });
  // the shop is attached within a span, and followed for much longer
  scene = await inSpan({ name: 'attaching' }, () => Scene.create());
});
afterAll(async () => {
  await scene.close();
  await tracing?.stop();
  await collector.stop();
});

const traceIds = ['a', 'b'].map((digit) => digit.repeat(32));

/** The shop's faulty job cancels an order, and leaves its trace in the transaction. */
async function cancelTraced(orderId: string, traceId: string): Promise<void> {
  await scene.inShop(async (tx) => {
    await tx.query(`SELECT pg_logical_emit_message(true, 'traceparent', $1)`, [
      `00-${traceId}-00f067aa0ba902b7-01`,
    ]);
    const actor = { kind: 'job', name: 'unpaid-orders' } as const;
    const outcome = await cancelOrder(tx, { orderId, actor, reason: 'payment not received' });
    expect(outcome.done).toBe(true);
  });
}

const linked = (span: CollectedSpan): string[] => span.links.map(({ traceId }) => traceId);

it('approval, start, run and each order are linked to the changes that began it', async () => {
  const orderIds = await scene.placePaid([1, 2]);
  for (const [index, orderId] of orderIds.entries()) await cancelTraced(orderId, traceIds[index]!);
  const incident = await scene.incident(2);
  const { plan, runId } = await scene.started(incident);
  await scene.runUntil(runId, 'finished');

  for (const name of ['decide about restore plan', 'start restore run', 'restore run']) {
    const span = await collector.has(name);
    expect([name, linked(span)]).toEqual([name, traceIds]);
    expect(traceIds).not.toContain(span.traceId);
    expect(span.attributes['reinstate.restore_plan.id']).toBe(plan.id);
  }
  for (const [index, orderId] of orderIds.entries()) {
    const order = await collector.has(
      'restore order',
      ({ attributes }) => attributes['reinstate.order.id'] === orderId,
    );
    expect(linked(order)).toEqual([traceIds[index]]);
    expect(order.attributes).toMatchObject({
      'reinstate.shop': scene.shopId,
      'reinstate.outcome': 'applied',
    });
    const inShop = await collector.has(
      'shop transaction',
      ({ parentSpanId }) => parentSpanId === order.spanId,
    );
    expect(inShop.kind).toBe(3);
    expect(inShop.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'reinstate.outcome': 'applied',
    });
  }
  const run = await collector.has('restore run');
  expect(collector.named('restore order').map(({ traceId }) => traceId)).toContain(run.traceId);
  const attaching = await collector.has('attaching');
  const journalled = collector.named('journal append').filter((span) => linked(span).length > 0);
  expect(journalled.flatMap(linked)).toEqual(expect.arrayContaining(traceIds));
  for (const { traceId } of journalled) expect(traceId).not.toBe(attaching.traceId);
  // customers of the shop, and what it may be reached with
  expect(collector.raw).not.toMatch(/Ada|ada@example|Leipzig|postgres(ql)?:\/\//);
});
