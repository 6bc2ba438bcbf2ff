import { Clock } from '../../src/platform/clock.js';

/** The machine's clock, ahead by what the test says: shop and service then agree but for that. */
export class AheadClock extends Clock {
  private aheadMs = 0;

  override now(): Date {
    return new Date(Date.now() + this.aheadMs);
  }

  advance(milliseconds: number): void {
    this.aheadMs += milliseconds;
  }

  /** Ahead by so much from now on. */
  setAhead(milliseconds: number): void {
    this.aheadMs = milliseconds;
  }
}
