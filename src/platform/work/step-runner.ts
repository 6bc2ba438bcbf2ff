import type { SchedulerRegistry } from '@nestjs/schedule';
import { Clock } from '../clock.js';
import { messageOf } from '../errors.js';
import { newId } from '../ids.js';
import { Log } from '../telemetry/log.js';
import { withLogContext } from '../telemetry/log-context.js';
import { emptyAttribute, inSpan } from '../telemetry/tracing/span.js';
import type { BackgroundStep } from './background-step.js';
import type { LeaseStore } from './lease.store.js';
import type { StepMetrics } from './step.metrics.js';
import type { Wake } from './wake.js';

/** Longer than any batch should take, short enough that a successor is at work within seconds. */
const leaseDurationMs = 8_000;
const leaseRenewalMs = 2_000;
/** A lease of this age is ours for as long again: work begins by it, and it is prolonged beside the work. */
const leaseTrustedMs = 2 * leaseRenewalMs;
/** A step that comes by the hour must not wait an hour because our database was away for a second. */
const retryMs = 2_000;

/**
 * Runs background steps: each in a loop of its own, one process at a time (by lease) unless it is for each
 * process, woken early or by its interval. A failing step is logged, counted and tried again at its next tick, or soon where
 * that is far; it stops no other.
 */
export class StepRunner {
  private readonly log = new Log('StepRunner');
  private readonly owner = newId();
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  /** step -> when its lease was last prolonged, by the process's own monotonic clock */
  private readonly prolongedAt = new Map<string, number>();
  /** step -> its lease as it is being prolonged beside the work */
  private readonly renewals = new Map<string, Promise<boolean>>();
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
    for (const step of steps) {
      this.metrics.introduce(step.name);
      this.loops.push(this.loop(step));
    }
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
      const ended = await withLogContext({ step: step.name }, () => this.runOnce(step));
      if (ended === 'more') continue;
      const retry =
        ended === 'failed'
          ? setTimeout(() => bell.ring(), Math.min(step.intervalMs, retryMs))
          : undefined;
      await bell.wait();
      clearTimeout(retry);
    }
    this.scheduler.deleteInterval(step.name);
    unlisten();
    // one that is under way would take the lease again once it was given back
    await this.renewals.get(step.name);
    await this.leases.release({ name: step.name, owner: this.owner }).catch(() => undefined);
  }

  private async runOnce(step: BackgroundStep): Promise<'idle' | 'more' | 'failed'> {
    const startedAt = performance.now();
    const observe = (outcome: 'ok' | 'failed') =>
      this.metrics.observe({
        step: step.name,
        outcome,
        seconds: (performance.now() - startedAt) / 1000,
      });
    try {
      if (!(await this.mayRun(step))) return 'idle';
      const again = await this.runBatch(step);
      observe('ok');
      this.tellRecovery(step);
      return again;
    } catch (error) {
      observe('failed');
      this.tellFailure(step, messageOf(error));
      return 'failed';
    }
  }

  private async mayRun(step: BackgroundStep): Promise<boolean> {
    if (step.inEachProcess === true || this.leaseAgeMs(step) < leaseTrustedMs) return true;
    return this.acquire(step);
  }

  private async runBatch(step: BackgroundStep): Promise<'idle' | 'more'> {
    if (step.inEachProcess !== true) return this.runWithLease(step);
    return this.runTold(step, this.stopping.signal);
  }

  /** Runs one batch, renewing the lease meanwhile; the batch is told to leave off when it is lost. */
  private async runWithLease(step: BackgroundStep): Promise<'idle' | 'more'> {
    const lost = new AbortController();
    const renew = () =>
      void this.renewed(step).then((held) => {
        if (!held) lost.abort();
      });
    if (this.leaseAgeMs(step) >= leaseRenewalMs) renew();
    const renewal = setInterval(renew, leaseRenewalMs);
    try {
      const signal = AbortSignal.any([this.stopping.signal, lost.signal]);
      return await this.runTold(step, signal);
    } finally {
      clearInterval(renewal);
    }
  }

  private runTold(step: BackgroundStep, signal: AbortSignal): Promise<'idle' | 'more'> {
    const attributes = { 'reinstate.step': step.name };
    return inSpan({ name: `step ${step.name}`, attributes }, async (span) => {
      const again = await step.run({ now: this.clock.now(), signal });
      span.setAttribute(emptyAttribute, again === 'idle');
      return again;
    });
  }

  /** Prolongs the lease, once at a time; false where it is lost, or where nobody knows. */
  private renewed(step: BackgroundStep): Promise<boolean> {
    const underWay = this.renewals.get(step.name);
    if (underWay !== undefined) return underWay;
    const renewal = this.acquire(step)
      .catch(() => {
        this.prolongedAt.delete(step.name);
        return false;
      })
      .finally(() => this.renewals.delete(step.name));
    this.renewals.set(step.name, renewal);
    return renewal;
  }

  /** Since the lease was last prolonged; a step that looks for work several times a second does not write it down each time. */
  private leaseAgeMs(step: BackgroundStep): number {
    return performance.now() - (this.prolongedAt.get(step.name) ?? -Infinity);
  }

  private async acquire(step: BackgroundStep): Promise<boolean> {
    const askedAt = performance.now();
    const lease = { name: step.name, owner: this.owner, now: this.clock.now() };
    const epoch = await this.leases.acquire({ ...lease, durationMs: leaseDurationMs });
    if (epoch === undefined) this.prolongedAt.delete(step.name);
    else this.prolongedAt.set(step.name, askedAt);
    return epoch !== undefined;
  }

  /** Says once that a step fails and why, not at each of its ticks. */
  private tellFailure(step: BackgroundStep, message: string): void {
    if (this.failing.get(step.name) === message) return;
    this.failing.set(step.name, message);
    this.log.error(
      { event: 'step-failing', step: step.name },
      `step ${step.name} fails and is tried again: ${message}`,
    );
  }

  private tellRecovery(step: BackgroundStep): void {
    if (this.failing.delete(step.name))
      this.log.info({ event: 'step-recovered', step: step.name }, `step ${step.name} works again`);
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
