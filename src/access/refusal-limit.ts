import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { Fault } from '../platform/errors.js';

const windowMs = 60_000;
/** Room for a person's slips and a client that was not told of a new token; far too few for guessing. */
const refusalsPerWindow = 20;
/** So many addresses are remembered at once: about a megabyte. Beyond, the oldest are forgotten. */
const addressesMax = 10_000;

interface Window {
  refusals: number;
  readonly endsAt: number;
}

/** Slows down who tries tokens: after too many refused ones, an address has to wait. Per process. */
@Injectable()
export class RefusalLimit {
  private readonly windows = new Map<string, Window>();

  constructor(private readonly clock: Clock) {}

  /** Counts one refused token of this address; what it gives takes that back. */
  count(address: string): () => void {
    const key = networkOf(address);
    const window = this.openWindow(key) ?? this.newWindow(key);
    window.refusals += 1;
    return () => {
      window.refusals -= 1;
      // an address that nothing speaks against has no time that runs
      if (window.refusals === 0 && this.windows.get(key) === window) this.windows.delete(key);
    };
  }

  /** Refuses the address while it has to wait. */
  check(address: string): void {
    const open = this.openWindow(networkOf(address));
    if (open === undefined || open.refusals < refusalsPerWindow) return;
    const retryAfterSeconds = Math.ceil((open.endsAt - this.clock.now().getTime()) / 1000);
    throw new Fault(
      'limited',
      'too-many-refused-tokens',
      `too many refused tokens came from this address; try again in ${retryAfterSeconds} seconds`,
      { data: { retryAfterSeconds } },
    );
  }

  private newWindow(key: string): Window {
    const window = { refusals: 0, endsAt: this.clock.now().getTime() + windowMs };
    this.windows.delete(key);
    const oldest = this.windows.keys().next();
    if (this.windows.size >= addressesMax && oldest.done !== true)
      this.windows.delete(oldest.value);
    this.windows.set(key, window);
    return window;
  }

  private openWindow(key: string): Window | undefined {
    const window = this.windows.get(key);
    return window !== undefined && window.endsAt > this.clock.now().getTime() ? window : undefined;
  }
}

/** Who counts as one: an IPv4 address, or the /64 network of an IPv6 address, which one host has to itself. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  return [...groups, ...Array<string>(zeros).fill('0'), ...rest]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
