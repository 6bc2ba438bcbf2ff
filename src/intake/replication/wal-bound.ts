import { bytesBetween } from './source/lsn.js';
import type { SourceFacts } from './source/shop-server.js';

/** What bounds the write-ahead log that a shop keeps for our slot: its own server, or, as long as we run, we. */
export interface WalBound {
  readonly bytes: number;
  readonly by: 'server' | 'reinstate';
}

/** From here on it is said aloud: there is still time to find out why the journal does not get on. */
const nearShare = 0.8;

type SlotOfSource = Pick<SourceFacts, 'currentLsn' | 'slot' | 'walKeepBytes'>;

/** A server's own bound counts wherever it has one. */
export function walBoundOf(
  { walKeepBytes }: Pick<SourceFacts, 'walKeepBytes'>,
  retainedBytesMax: number,
): WalBound {
  return walKeepBytes === null
    ? { bytes: retainedBytesMax, by: 'reinstate' }
    : { bytes: walKeepBytes, by: 'server' };
}

/** Write-ahead log that the shop keeps for our slot; 0 where there is none. */
export function retainedBytesOf({
  currentLsn,
  slot,
}: Pick<SourceFacts, 'currentLsn' | 'slot'>): number {
  const restartLsn = slot?.restartLsn ?? null;
  return restartLsn === null ? 0 : bytesBetween(restartLsn, currentLsn);
}

/**
 * Whether our slot still may stay: `over` where it has to go so that the shop's disk does not fill. A server
 * with a bound of its own looks after itself.
 */
export function judgeRetained(
  source: SlotOfSource,
  retainedBytesMax: number,
): 'bounded' | 'fine' | 'near' | 'over' {
  if (source.walKeepBytes !== null) return 'bounded';
  const retained = retainedBytesOf(source);
  if (retained >= retainedBytesMax) return 'over';
  return retained >= retainedBytesMax * nearShare ? 'near' : 'fine';
}

/** Said while there is still time; null where nothing of the kind is near. */
export function nearBoundProblem(source: SlotOfSource, retainedBytesMax: number): string | null {
  if (!['near', 'over'].includes(judgeRetained(source, retainedBytesMax))) return null;
  return (
    `the shop holds back ${bytesInWords(retainedBytesOf(source))} of write-ahead log: ` +
    `at ${bytesInWords(retainedBytesMax)} the slot is dropped, and a new snapshot is taken`
  );
}

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

export function bytesInWords(bytes: number): string {
  return bytes >= gibibyte
    ? `${Number((bytes / gibibyte).toFixed(1))} GiB`
    : `${Number((bytes / mebibyte).toFixed(1))} MiB`;
}
