/**
 * Log sequence numbers of PostgreSQL in its own text form: two hexadecimal halves, upper case, without
 * leading zeros, e.g. `0/16B3748`. Text is kept everywhere; numbers only exist to compare.
 */
export function lsnValue(lsn: string): bigint {
  const [high, low] = lsn.split('/');
  if (high === undefined || low === undefined || !/^[\dA-F]+\/[\dA-F]+$/i.test(lsn)) {
    throw new TypeError(`not a log sequence number: ${lsn}`);
  }
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function lsnText(value: bigint): string {
  return `${(value >> 32n).toString(16)}/${(value & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/** True where `lsn` lies after `other`. */
export function isLater(lsn: string, other: string): boolean {
  return lsnValue(lsn) > lsnValue(other);
}

/** Bytes from `from` up to `to`; 0 where `to` lies before it. */
export function bytesBetween(from: string, to: string): number {
  const distance = lsnValue(to) - lsnValue(from);
  return distance > 0n ? Number(distance) : 0;
}
