import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Fault } from '../platform/errors.js';

const windowSeconds = 60;
/** Room for a person's slips and a client that was not told of a new token; far too few for guessing. */
const refusalsPerWindow = 20;

/** Slows down who tries tokens: after too many refused ones, an address has to wait. Per process. */
@Injectable()
export class RefusalLimit {
  private readonly limiter = new RateLimiterMemory({
    points: refusalsPerWindow,
    duration: windowSeconds,
  });

  /** Counts one refused token of this address. */
  async count(address: string): Promise<void> {
    await this.limiter.penalty(address);
  }

  /** Refuses the address while it is blocked, whatever token it brings now. */
  async check(address: string): Promise<void> {
    const state = await this.limiter.get(address);
    if (state === null || state.consumedPoints < refusalsPerWindow) return;
    const retryAfterSeconds = Math.ceil(state.msBeforeNext / 1000);
    throw new Fault(
      'limited',
      'too-many-refused-tokens',
      `too many refused tokens came from this address; try again in ${retryAfterSeconds} seconds`,
      { data: { retryAfterSeconds } },
    );
  }
}
