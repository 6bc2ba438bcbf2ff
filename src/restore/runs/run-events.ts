import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { TimelineService } from '../../incidents/timeline.service.js';
import type { TimelineEntry } from '../../incidents/timeline.js';
import { RunViewService } from './run-view.service.js';

const pollMs = 400;
/** Proxies close a silent connection after a minute or so. */
const pollsPerHeartbeat = 30;
const batch = 200;

/**
 * The progress of a run as server-sent events: `entry` (what happened to an order or to the run), `progress` (orders by state), `heartbeat`,
 * and `end` once the run has come to its end and all is told. Ids are positions of the timeline, from
 * which a client goes on.
 */
@Injectable()
export class RunEvents {
  constructor(
    private readonly views: RunViewService,
    private readonly timeline: TimelineService,
  ) {}

  /** Tells what comes after `lastEventId`; without one, all of the run. */
  follow(runId: string, lastEventId: string | undefined): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      const closing = new AbortController();
      const tell = async (): Promise<void> => {
        for await (const event of this.events(runId, firstPosition(lastEventId), closing.signal))
          subscriber.next(event);
        subscriber.complete();
      };
      tell().catch((error: unknown) => {
        if (!closing.signal.aborted) subscriber.error(error);
      });
      return () => closing.abort();
    });
  }

  private async *events(
    runId: string,
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<MessageEvent> {
    let position = from;
    let told = '';
    for (let polls = 1; !signal.aborted; polls += 1) {
      // read before the entries, so that `end` comes after the last of them
      const view = await this.views.view(runId);
      const entries = await this.entriesOf(view.incidentId, position);
      for (const entry of entries) {
        position = entry.position;
        if (isOf(entry, runId)) yield entryEvent(entry);
      }
      const { state, stage, stopReason, waitsFor, underWay, items } = view;
      const progress = JSON.stringify({ state, stage, stopReason, waitsFor, items });
      // every event carries the position reached: a client may come back after any of them
      const id = String(position);
      if (progress !== told) yield { id, type: 'progress', data: progress };
      told = progress;
      const isOver = state === 'finished' || state === 'stopped';
      if (isOver && entries.length === 0 && underWay === 0) {
        yield { id, type: 'end', data: { state, stopReason } };
        return;
      }
      if (polls % pollsPerHeartbeat === 0) yield { id, type: 'heartbeat', data: {} };
      if (entries.length < batch) await sleep(pollMs, undefined, { signal });
    }
  }

  private async entriesOf(incidentId: string, afterPosition: number): Promise<TimelineEntry[]> {
    return this.timeline.list({
      incidentId,
      afterPosition,
      incidentOnly: false,
      caseId: null,
      limit: batch,
    });
  }
}

function entryEvent(entry: TimelineEntry): MessageEvent {
  const { position, at, type, person, data } = entry;
  return {
    id: String(position),
    type: 'entry',
    data: { position, at: at.toISOString(), type, person, data },
  };
}

function isOf(entry: TimelineEntry, runId: string): boolean {
  return 'runId' in entry.data && entry.data.runId === runId;
}

function firstPosition(lastEventId: string | undefined): number {
  return lastEventId !== undefined && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : 0;
}
