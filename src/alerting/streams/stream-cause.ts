import type { StreamState } from '../../intake/replication/stream-state.js';
import type { Severity } from '../severity.js';

/** Names of alerts about a shop's stream; each has its runbook. */
export const streamAlertNames = [
  'IntakeStalled',
  'JournalGap',
  'MappingMismatch',
  'TableWithoutKey',
] as const;
export type StreamAlertName = (typeof streamAlertNames)[number];

/** A shop's stream as its row tells it. */
export interface WatchedStream {
  readonly shopId: string;
  readonly state: StreamState;
  readonly slotName: string;
  readonly confirmedLsn: string | null;
  /** what was lost at the source and does not stand in the journal yet */
  readonly gap: string | null;
  readonly problem: string | null;
  readonly lastMessageAt: Date | null;
  readonly updatedAt: Date;
}

/** What a shop says of itself while its stream is silent; `quiet`: it has nothing that we lack. */
export type ShopAnswer = 'quiet' | 'goes-on' | 'none';

/** What the journal says was lost since somebody last looked, in words. */
export interface JournalledGaps {
  /** changes of the whole shop: a slot dropped, a server set back */
  readonly wholes: readonly string[];
  /** rows whose state before was not known */
  readonly rows: readonly string[];
}

/** Something that is wrong with a stream, and how long it has to be so. */
export interface StreamCause {
  /** with the shop it makes the alert's fingerprint */
  readonly key: string;
  readonly name: StreamAlertName;
  readonly severity: Severity;
  /** it has to last this long before somebody is woken */
  readonly graceMs: number;
  /** in one sentence: no values of the shop's rows, no credentials; it leaves the house */
  readonly summary: string;
}

/** A restart of the shop's server or of ours is over by then. */
const stalledGraceMs = 60_000;
/** Nothing noted for this long is worth asking the shop whether it goes on: notes come every second. */
const silenceMs = 120_000;
/** A snapshot notes each thousand rows: much longer than this without one, and it does not get on. */
const snapshotSilenceMs = 300_000;

/** Whether a stream that says that all is well has noted nothing for so long that the shop has to be asked. */
export function isSilent(stream: WatchedStream, now: Date): boolean {
  const noted = stream.lastMessageAt ?? stream.updatedAt;
  return stream.state === 'streaming' && now.getTime() - noted.getTime() >= silenceMs;
}

/** True while order changes come in, or nobody wants them to. */
export function isWell(stream: WatchedStream): boolean {
  return stream.state === 'streaming' || stream.state === 'detached';
}

/** What is wrong with a stream now; `answer` matters only while it is silent. */
export function causesOf(
  stream: WatchedStream,
  seen: { readonly gaps: JournalledGaps; readonly answer: ShopAnswer; readonly now: Date },
): StreamCause[] {
  const causes = [
    stalled(stream, seen),
    lostAtSource(stream, seen.gaps),
    rowsUnknown(stream, seen.gaps),
    mismatch(stream),
    withoutKey(stream),
  ];
  return causes.filter((cause) => cause !== null);
}

function stalled(
  stream: WatchedStream,
  seen: { readonly answer: ShopAnswer; readonly now: Date },
): StreamCause | null {
  const why = whyStalled(stream, seen);
  if (why === null) return null;
  const since = stream.lastMessageAt === null ? '' : `, since ${utc(stream.lastMessageAt)}`;
  return {
    key: 'stalled',
    name: 'IntakeStalled',
    severity: 'high',
    graceMs: stalledGraceMs,
    summary: `No order changes of shop ${stream.shopId} come in${since}: ${why}. Wrongful cancellations are not noticed until they do.`,
  };
}

/** The stream's own problem is the shop server's message: it stays in the house, see `shop status`. */
function whyStalled(
  { state, problem, updatedAt }: WatchedStream,
  { answer, now }: { readonly answer: ShopAnswer; readonly now: Date },
): string | null {
  switch (state) {
    case 'interrupted':
      return 'the connection to its database is down';
    case 'streaming':
      return silenceWords[answer];
    case 'snapshot': {
      if (problem !== null) return 'the snapshot of its orders waits or fails';
      const isStill = now.getTime() - updatedAt.getTime() >= snapshotSilenceMs;
      return isStill ? 'the snapshot of its orders does not get on' : null;
    }
    // these have alerts of their own
    case 'lost':
    case 'mismatch':
    case 'detached':
      return null;
  }
}

const silenceWords: Readonly<Record<ShopAnswer, string | null>> = {
  quiet: null,
  'goes-on': 'the shop goes on, and nothing of it is journalled',
  none: 'its database does not answer',
};

function lostAtSource(stream: WatchedStream, gaps: JournalledGaps): StreamCause | null {
  const lost = stream.state === 'detached' ? undefined : (gaps.wholes.at(-1) ?? stream.gap);
  if (lost === undefined || lost === null) return null;
  return {
    key: 'gap',
    name: 'JournalGap',
    severity: 'high',
    graceMs: 0,
    summary: `Order changes of shop ${stream.shopId} were lost before they could be journalled: ${lost}. Orders that changed meanwhile have no state before it.`,
  };
}

function rowsUnknown(stream: WatchedStream, gaps: JournalledGaps): StreamCause | null {
  const newest = gaps.rows.at(-1);
  if (newest === undefined) return null;
  return {
    key: 'unknown-rows',
    name: 'JournalGap',
    severity: 'low',
    graceMs: 0,
    summary: `Rows of shop ${stream.shopId} changed without our seeing it; their orders' state before is not what the journal says. The newest: ${newest}`,
  };
}

function mismatch({ shopId, state, problem }: WatchedStream): StreamCause | null {
  if (state !== 'mismatch') return null;
  return {
    key: 'mismatch',
    name: 'MappingMismatch',
    severity: 'high',
    graceMs: 0,
    summary: `The tables of shop ${shopId} no longer fit its profile: ${problem ?? 'see its status'}. Changes are kept, and wrongful cancellations are not noticed, until somebody has mended it.`,
  };
}

/** The inspector notes nothing else as the problem of a stream that is well. */
function withoutKey({ shopId, state, problem }: WatchedStream): StreamCause | null {
  if (state !== 'streaming' || problem === null) return null;
  return {
    key: 'table-without-key',
    name: 'TableWithoutKey',
    severity: 'critical',
    graceMs: 0,
    summary: `Writes of shop ${shopId} fail because of us: ${problem}.`,
  };
}

/** To the second, e.g. `2026-11-22 20:44:10 UTC`. */
function utc(moment: Date): string {
  return `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
