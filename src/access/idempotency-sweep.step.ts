import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { IdempotencyStore } from './idempotency.store.js';

/** As long as a client may repeat a request under its key; docs/cli.md and the API's document say so. */
export const idempotencyKeptMs = 86_400_000;

/** Removes what requests with an idempotency key were answered, a day after they came. */
@Injectable()
export class IdempotencySweepStep implements BackgroundStep {
  readonly name = 'idempotency-sweep';
  readonly intervalMs = 600_000;

  constructor(
    private readonly database: Database,
    private readonly store: IdempotencyStore,
  ) {}

  run({ now }: StepContext): Promise<'idle' | 'more'> {
    return this.store.removeBefore(this.database, new Date(now.getTime() - idempotencyKeptMs));
  }
}
