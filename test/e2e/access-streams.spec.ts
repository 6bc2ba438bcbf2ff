import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventsOf } from '../../src/cli/event-stream.js';
import { done, FollowedShop, until } from './followed-shop.js';

let scene: FollowedShop;
let run: string;
let release: () => Promise<void>;
beforeAll(async () => {
  scene = await FollowedShop.open({ stop_at_lock_timeouts: 1_000, stop_at_failure_rate: 1 });
  await scene.follow();
  const { plan } = await scene.approvedPlan(1, 'job-a');
  release = await scene.holdOrders();
  run = await scene.start(plan);
  // a paused run has no end: its streams stay open
  await done(scene.staff.robin.post(`/api/v1/restore-runs/${run}/pause`, undefined));
});
afterAll(async () => {
  await release();
  await scene.close();
});

interface Stream {
  /** kinds of events that came so far */
  readonly told: string[];
  ended: boolean;
  readonly personId: string;
  readonly tokenId: string;
  /** lets go of it from this side */
  close(): void;
}

const streams: Stream[] = [];
afterAll(() => {
  for (const stream of streams) stream.close();
});

/** Follows the run's events with a new token of a new person; it has begun once this comes back. */
async function follow(name: string, days = 30): Promise<Stream> {
  const { personId, http } = await scene.service.newcomer({ name, role: 'viewer', days });
  const { tokenId } = await done(http.get('/api/v1/persons/me'));
  const closing = new AbortController();
  const response = await http.stream(`/api/v1/restore-runs/${run}/events`, {
    headers: { accept: 'text/event-stream' },
    signal: closing.signal,
  });
  const stream: Stream = {
    ...{ told: [], ended: false, personId, tokenId: String(tokenId) },
    close: () => closing.abort(),
  };
  streams.push(stream);
  void (async () => {
    const body = response.body!.pipeThrough(new TextDecoderStream());
    for await (const { event } of eventsOf(body)) stream.told.push(event);
    stream.ended = true;
  })().catch(() => undefined);
  await until('the stream to begin', () =>
    Promise.resolve(stream.told.includes('progress') ? true : undefined),
  );
  return stream;
}

/** It ends without an `end` of the run, while that of somebody else goes on. */
async function endsAlone(stream: Stream, other: Stream): Promise<void> {
  await until('the stream to end', () => Promise.resolve(stream.ended ? true : undefined));
  expect(stream.told).not.toContain('end');
  expect(other.ended).toBe(false);
}

describe('an open stream of events', () => {
  it('ends once its token is revoked', async () => {
    const other = await follow('Other 1');
    const stream = await follow('Revoked');
    const path = `/api/v1/persons/${stream.personId}/tokens/${stream.tokenId}`;
    expect((await scene.staff.admin.delete(path)).status).toBe(204);
    await endsAlone(stream, other);
  });

  it('ends once its person is disabled', async () => {
    const other = await follow('Other 2');
    const stream = await follow('Disabled');
    await scene.staff.admin.delete(`/api/v1/persons/${stream.personId}`);
    await endsAlone(stream, other);
  });

  it('ends once its token expires', async () => {
    const other = await follow('Other 3');
    const stream = await follow('Expired', 1);
    scene.service.clock.advance(86_400_000);
    await endsAlone(stream, other);
  });
});
