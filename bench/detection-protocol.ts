import { createInterface } from 'node:readline';
import type { DetectionEvent, Detector, FindingUpdate } from '../src/detection/detector.js';

/** A line of the runner's protocol: an order event, a tick of the clock, or a question whether all is handled. */
type Line =
  | { type: 'sync'; id: number }
  | { type: 'tick'; t: number }
  | {
      type: 'order.placed' | 'order.cancelled';
      t: number;
      order_id: string;
      account: string;
      country: string;
      customer_type: string;
      payment: string;
      app: string;
      warehouse: string;
      value: number;
    };

/** Speaks the runner's protocol: JSON lines on stdin, an alert on stdout for each finding that opens. */
export async function speakProtocol(detector: Detector): Promise<void> {
  const live = new Set<string>();
  let position = 0;
  for await (const text of createInterface({ input: process.stdin })) {
    const line = JSON.parse(text) as Line;
    if (line.type === 'sync') {
      process.stdout.write(`${text}\n`);
      continue;
    }
    position += 1;
    const updates =
      line.type === 'tick'
        ? detector.tick(new Date(line.t * 1_000))
        : detector.observe(eventOf(line, position));
    for (const update of newlyOpened(updates, live)) {
      process.stdout.write(`${JSON.stringify(alertOf(update, line.t))}\n`);
    }
  }
}

function eventOf(line: Exclude<Line, { type: 'sync' | 'tick' }>, position: number): DetectionEvent {
  const { country, customer_type, payment, app, warehouse } = line;
  return {
    kind: line.type === 'order.placed' ? 'placed' : 'cancelled',
    position,
    at: new Date(line.t * 1_000),
    orderId: line.order_id,
    account: line.account,
    attributes: { country, customer_type, payment, app, warehouse },
    paid: true,
    amountMinor: Math.round(line.value * 100),
    currency: 'EUR',
  };
}

function newlyOpened(updates: readonly FindingUpdate[], live: Set<string>): FindingUpdate[] {
  return updates.filter(({ state, fingerprint }) => {
    const isNew = state === 'live' && !live.has(fingerprint);
    if (state === 'live') live.add(fingerprint);
    else live.delete(fingerprint);
    return isNew;
  });
}

function alertOf({ measure }: FindingUpdate, t: number): object {
  const { slice, weeksPerChance } = measure;
  const segment = Object.keys(slice).length === 0 ? null : slice;
  return { type: 'alert', t, segment, score: weeksPerChance };
}
