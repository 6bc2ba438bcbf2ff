import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandContext } from './command.js';
import { eventsOf, type StreamEvent } from './event-stream.js';
import { CliFailure, exitCodes, refused } from './failures.js';
import { timeInWords, valueAt, wordsOf } from './output/column.js';
import { countsInWords, timelineInWords } from './output/words.js';

/** A service that is started anew is back within these tries. */
const triesMax = 20;
const pauseMs = 1_000;

/** What the stream has told so far. */
interface Watched {
  lastEventId: string | undefined;
  items: unknown;
  end: unknown;
  /** connections since something came */
  tries: number;
}

/** Follows a run until it ends, over broken connections too; a run that did not end well is a CliFailure. */
export async function watchRun(context: CommandContext): Promise<void> {
  // a run that is not there is refused here: a stream has begun before it can be
  await context.api.json({ method: 'GET', path: runPath(context) });
  const watched: Watched = { lastEventId: undefined, items: undefined, end: undefined, tries: 0 };
  for (;;) {
    watched.tries += 1;
    await follow(context, watched).catch((error: unknown) => {
      const mayComeBack = error instanceof CliFailure && error.exitCode === exitCodes.unreachable;
      if (!mayComeBack || watched.tries >= triesMax) throw error;
    });
    if (watched.end !== undefined) break;
    await sleep(pauseMs);
  }
  judgeEnd(watched);
}

function runPath({ args }: CommandContext): string {
  return `/restore-runs/${encodeURIComponent(args['run'] ?? '')}`;
}

/** Reads one connection to its end. */
async function follow(context: CommandContext, watched: Watched): Promise<void> {
  const { api, out } = context;
  const { lastEventId } = watched;
  const stream = api.stream({
    method: 'GET',
    path: `${runPath(context)}/events`,
    headers: {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
  });
  for await (const event of eventsOf(stream)) {
    if (event.event === 'error') throw refused(`the service broke off: ${wordsOf(event.data)}`);
    const data: unknown = JSON.parse(event.data);
    watched.tries = 0;
    // only entries have an id that one can go on from
    if (event.event === 'entry') watched.lastEventId = event.id;
    if (event.event === 'progress') watched.items = valueAt(data, 'items');
    if (event.event === 'end') watched.end = data;
    const line = out.json ? jsonLine(event, data) : lineOf(event, data);
    if (line !== undefined) out.line(line);
  }
}

function jsonLine({ event, id }: StreamEvent, data: unknown): string | undefined {
  return event === 'heartbeat' ? undefined : JSON.stringify({ event, id, data });
}

function lineOf({ event }: StreamEvent, data: unknown): string | undefined {
  switch (event) {
    case 'entry': {
      const what = wordsOf(valueAt(data, 'type')).replaceAll('-', ' ');
      const details = timelineInWords(valueAt(data, 'data'));
      return `${timeInWords(valueAt(data, 'at'))}  ${what}  ${details}`.trimEnd();
    }
    case 'progress': {
      const state = wordsOf(valueAt(data, 'state'));
      return `${state}: ${countsInWords(valueAt(data, 'items'))}`;
    }
    default:
      return undefined;
  }
}

/** States of an order in which it was not restored, or nobody knows. */
const notRestored = ['pending', 'attempting', 'unknown', 'refused', 'failed'];

function judgeEnd({ end, items }: Watched): void {
  const state = wordsOf(valueAt(end, 'state'));
  const left = notRestored.filter((name) => Number(valueAt(items, name) ?? 0) > 0);
  if (state === 'finished' && left.length === 0) return;
  const why = valueAt(end, 'stopReason');
  const because = typeof why === 'string' ? ` (${why})` : '';
  throw refused(`the run ended as ${state}${because}: ${countsInWords(items)}`);
}
