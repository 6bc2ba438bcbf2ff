import type { StreamCause } from './stream-cause.js';

/** An alert that is not resolved: `pending` until its cause has lasted long enough to wake somebody. */
export interface OpenStreamAlert {
  readonly id: string;
  readonly fingerprint: string;
  readonly state: 'pending' | 'firing';
  readonly seenSince: Date;
  readonly seenAt: Date;
  readonly summary: string;
}

/** What becomes of a stream's alerts. */
export type StreamAlertChange =
  | { readonly do: 'open'; readonly cause: StreamCause; readonly fires: boolean }
  | {
      readonly do: 'see';
      readonly alert: OpenStreamAlert;
      /** null: the cause is not there, but the stream is not well yet */
      readonly cause: StreamCause | null;
      readonly seenSince: Date;
      readonly fires: boolean;
    }
  | { readonly do: 'resolve'; readonly alert: OpenStreamAlert }
  | { readonly do: 'forget'; readonly alert: OpenStreamAlert };

/** A connection that comes for a moment and breaks again is not well: this is three looks. */
const pendingGapMs = 15_000;
/** So long without its cause, in a stream that is well, and an alert has resolved. */
const keepMs = 60_000;
/** Rows whose change nobody saw come one by one: within an hour they are one matter. */
const keepUnknownRowsMs = 3_600_000;

/** Names the matter: at most one open alert of it, and one page for each time that it begins. */
export function fingerprintOf(shopId: string, cause: Pick<StreamCause, 'key'>): string {
  return `stream/${shopId}/${cause.key}`;
}

/**
 * Decides what becomes of a shop's stream alerts: a cause that lasts fires once, and resolves by itself
 * once it has been gone for a while and order changes come in again.
 */
export function planStreamAlerts(given: {
  readonly shopId: string;
  readonly causes: readonly StreamCause[];
  readonly open: readonly OpenStreamAlert[];
  readonly isWell: boolean;
  readonly now: Date;
}): StreamAlertChange[] {
  const { shopId, causes, open, isWell, now } = given;
  const byFingerprint = new Map(open.map((alert) => [alert.fingerprint, alert]));
  const present = new Set(causes.map((cause) => fingerprintOf(shopId, cause)));
  const seen = causes.map((cause) =>
    whenSeen(cause, byFingerprint.get(fingerprintOf(shopId, cause)), now),
  );
  const gone = open
    .filter((alert) => !present.has(alert.fingerprint))
    .map((alert) => whenGone(alert, { isWell, now }));
  return [...seen, ...gone.filter((change) => change !== null)];
}

function whenSeen(
  cause: StreamCause,
  alert: OpenStreamAlert | undefined,
  now: Date,
): StreamAlertChange {
  if (alert === undefined) return { do: 'open', cause, fires: cause.graceMs === 0 };
  const isPending = alert.state === 'pending';
  const isAnew = isPending && now.getTime() - alert.seenAt.getTime() > pendingGapMs;
  const seenSince = isAnew ? now : alert.seenSince;
  const lasted = now.getTime() - seenSince.getTime() >= cause.graceMs;
  return { do: 'see', alert, cause, seenSince, fires: isPending && lasted };
}

function whenGone(
  alert: OpenStreamAlert,
  { isWell, now }: { isWell: boolean; now: Date },
): StreamAlertChange | null {
  const goneMs = now.getTime() - alert.seenAt.getTime();
  if (alert.state === 'pending') return goneMs > pendingGapMs ? { do: 'forget', alert } : null;
  if (!isWell) return { do: 'see', alert, cause: null, seenSince: alert.seenSince, fires: false };
  const isRows = alert.fingerprint.endsWith('/unknown-rows');
  return goneMs >= (isRows ? keepUnknownRowsMs : keepMs) ? { do: 'resolve', alert } : null;
}
