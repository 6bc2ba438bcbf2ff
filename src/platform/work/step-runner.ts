import { Logger } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import { Clock } from '../clock.js';
import { messageOf } from '../errors.js';
import { newId } from '../ids.js';
import type { BackgroundStep } from './background-step.js';
import type { LeaseStore } from './lease.store.js';
import type { StepMetrics } from './step.metrics.js';
import type { Wake } from './wake.js';

/** Longer than any batch should take, short enough that a successor is at work within seconds. */
const leaseDurationMs = 8_000;

/**
 * Runs background steps: each in a loop of its own, one process at a time (by lease), woken early or
 * by its interval. A failing step is logged, counted and tried again at its next tick; it stops no other.
 */
export class StepRunner {
  private readonly logger = new Logger('StepRunner');
  private readonly owner = newId();
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];

  constructor(
    private readonly leases: LeaseStore,
    private readonly clock: Clock,
    private readonly wake: Wake,
    private readonly metrics: StepMetrics,
    private readonly scheduler: SchedulerRegistry,
  ) {}

  start(steps: readonly BackgroundStep[]): void {
    for (const step of steps) this.loops.push(this.loop(step));
  }

  /** Lets running batches end, then gives the leases back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.allSettled(this.loops);
  }

  private async loop(step: BackgroundStep): Promise<void> {
    const bell = new Bell();
    const unlisten = this.wake.listen(step.name, () => bell.ring());
    this.scheduler.addInterval(
      step.name,
      setInterval(() => bell.ring(), step.intervalMs),
    );
    this.stopping.signal.addEventListener('abort', () => bell.ring());
    while (!this.stopping.signal.aborted) {
      const again = await this.runOnce(step);
      if (again !== 'more') await bell.wait();
    }
    this.scheduler.deleteInterval(step.name);
    unlisten();
    await this.leases.release({ name: step.name, owner: this.owner }).catch(() => undefined);
  }

  private async runOnce(step: BackgroundStep): Promise<'idle' | 'more'> {
    const startedAt = performance.now();
    try {
      const lease = {
        name: step.name,
        owner: this.owner,
        now: this.clock.now(),
        durationMs: leaseDurationMs,
      };
      if ((await this.leases.acquire(lease)) === undefined) return 'idle';
      const again = await step.run({ now: this.clock.now(), signal: this.stopping.signal });
      this.metrics.observe({
        step: step.name,
        outcome: 'ok',
        seconds: (performance.now() - startedAt) / 1000,
      });
      return again;
    } catch (error) {
      this.metrics.observe({
        step: step.name,
        outcome: 'failed',
        seconds: (performance.now() - startedAt) / 1000,
      });
      this.logger.error(`step ${step.name} failed and is tried again: ${messageOf(error)}`);
      return 'idle';
    }
  }
}

/** Waits for a ring; one that comes while nobody waits is remembered once. */
class Bell {
  private rung = false;
  private release: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.release?.();
  }

  async wait(): Promise<void> {
    if (!this.rung) await new Promise<void>((resolve) => (this.release = resolve));
    this.rung = false;
    this.release = undefined;
  }
}
