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
const leaseRenewalMs = 2_000;

/**
 * Runs background steps: each in a loop of its own, one process at a time (by lease), woken early or
 * by its interval. A failing step is logged, counted and tried again at its next tick; it stops no other.
 */
export class StepRunner {
  private readonly logger = new Logger('StepRunner');
  private readonly owner = newId();
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  /** step -> what it fails with since its last good run */
  private readonly failing = new Map<string, string>();

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
    const observe = (outcome: 'ok' | 'failed') =>
      this.metrics.observe({
        step: step.name,
        outcome,
        seconds: (performance.now() - startedAt) / 1000,
      });
    try {
      if (!(await this.acquire(step))) return 'idle';
      const again = await this.runWithLease(step);
      observe('ok');
      this.tellRecovery(step);
      return again;
    } catch (error) {
      observe('failed');
      this.tellFailure(step, messageOf(error));
      return 'idle';
    }
  }

  /** Runs one batch, renewing the lease meanwhile; the batch is told to leave off when it is lost. */
  private async runWithLease(step: BackgroundStep): Promise<'idle' | 'more'> {
    const lost = new AbortController();
    const renewal = setInterval(() => {
      this.acquire(step).then(
        (held) => {
          if (!held) lost.abort();
        },
        () => lost.abort(),
      );
    }, leaseRenewalMs);
    try {
      const signal = AbortSignal.any([this.stopping.signal, lost.signal]);
      return await step.run({ now: this.clock.now(), signal });
    } finally {
      clearInterval(renewal);
    }
  }

  private async acquire(step: BackgroundStep): Promise<boolean> {
    const lease = { name: step.name, owner: this.owner, now: this.clock.now() };
    return (await this.leases.acquire({ ...lease, durationMs: leaseDurationMs })) !== undefined;
  }

  /** Says once that a step fails and why, not at each of its ticks. */
  private tellFailure(step: BackgroundStep, message: string): void {
    if (this.failing.get(step.name) === message) return;
    this.failing.set(step.name, message);
    this.logger.error(
      { step: step.name },
      `step ${step.name} fails and is tried again: ${message}`,
    );
  }

  private tellRecovery(step: BackgroundStep): void {
    if (this.failing.delete(step.name))
      this.logger.log({ step: step.name }, `step ${step.name} works again`);
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
