import type { LoggerService } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { AppModule, backgroundSteps, type AppParts } from '../../src/app.module.js';
import { Notifiers } from '../../src/alerting/notifiers/notifiers.js';
import type { Notifier } from '../../src/alerting/notifiers/notifier.js';
import { entities } from '../../src/entities.js';
import type { Clock } from '../../src/platform/clock.js';
import { openDatabase, type DatabaseSettings } from '../../src/platform/database/connect.js';
import type { Database } from '../../src/platform/database/database.js';
import { Fault } from '../../src/platform/errors.js';
import type { BackgroundStep } from '../../src/platform/work/background-step.js';
import { LeaseStore } from '../../src/platform/work/lease.store.js';
import { ShopRegistry } from '../../src/shops/shop-registry.js';
import { DatabaseHiccup, Life, ProcessDied } from './life.js';

/** As the step runner has it. */
const leaseMs = 8_000;

/** What every process of a seed is made of. */
export interface ProcessParts {
  readonly app: Omit<AppParts, 'database'>;
  readonly settings: DatabaseSettings;
  readonly clock: Clock;
  registryFor(process: SimulatedProcess): Promise<ShopRegistry>;
  readonly notifier: Notifier;
  readonly log: LoggerService;
}

/** How something that a process did came to its end; `frozen`: it has not. */
export type Ended =
  | { readonly how: 'done'; readonly value: unknown }
  | { readonly how: 'died' | 'frozen' | 'hiccup' }
  | { readonly how: 'refused'; readonly code: string }
  | { readonly how: 'failed'; readonly error: unknown };

/**
 * One process of Reinstate: the whole application on connections of its own, without timers. It does one
 * thing at a time, when it is told to; it may die at any statement, or be stopped while a shop waits.
 */
export class SimulatedProcess {
  readonly life = new Life();
  private module: TestingModule | undefined;
  private opened: Database | undefined;
  private births = 0;
  private frozen: Frozen | undefined;

  constructor(
    readonly name: string,
    private readonly parts: ProcessParts,
  ) {}

  /** As leases know it: a process that begins anew is another one. */
  get owner(): string {
    return `${this.name}.${this.births}`;
  }

  get isDead(): boolean {
    return this.life.isDead || this.module === undefined;
  }

  get isFrozen(): boolean {
    return this.frozen !== undefined;
  }

  get database(): Database {
    if (this.opened === undefined) throw new Error(`process ${this.name} has not begun`);
    return this.opened;
  }

  async begin(): Promise<void> {
    if (this.opened === undefined) {
      // one connection: whatever holds one and waits for another would wait for ever
      this.opened = await openDatabase({ ...this.parts.settings, poolSize: 1 }, entities);
      this.life.watch(this.opened.dataSource);
    }
    this.life.begin();
    this.births += 1;
    const { app, notifier } = this.parts;
    const notifiers: Pick<Notifiers, 'get' | 'onModuleDestroy'> = {
      get: () => notifier,
      onModuleDestroy: () => undefined,
    };
    const database = this.database;
    this.module = await Test.createTestingModule({
      imports: [AppModule.with({ ...app, database })],
    })
      .overrideProvider(ShopRegistry)
      .useValue(await this.parts.registryFor(this))
      .overrideProvider(Notifiers)
      .useValue(notifiers)
      .setLogger(this.parts.log)
      .compile();
  }

  get<T>(type: abstract new (...parts: never[]) => T): T {
    if (this.module === undefined) throw new Error(`process ${this.name} has not begun`);
    return this.module.get<T>(type, { strict: false });
  }

  steps(): BackgroundStep[] {
    return backgroundSteps.map((step) => this.get(step));
  }

  /** One batch of a background step, under its lease; undefined where another process holds that. */
  async turn(step: BackgroundStep): Promise<unknown> {
    const lease = { name: step.name, owner: this.owner, now: this.parts.clock.now() };
    const held = await new LeaseStore(this.database).acquire({ ...lease, durationMs: leaseMs });
    if (held === undefined) return 'not ours';
    const { signal } = new AbortController();
    return step.run({ now: this.parts.clock.now(), signal });
  }

  /** Has the process do something, to its end or until it dies or stops. */
  async do(work: () => Promise<unknown>): Promise<Ended> {
    const stopped = new Promise<Ended>((resolve) => {
      this.whenFrozen = () => resolve({ how: 'frozen' });
    });
    const running = this.ended(work);
    const first = await Promise.race([running, stopped]);
    if (first.how === 'frozen' && this.frozen !== undefined) this.frozen.running = running;
    return first;
  }

  /** Stops in the middle of what it does, until `thaw`. */
  freeze(): Promise<void> {
    return new Promise((release) => {
      this.frozen = { release, running: undefined };
      this.whenFrozen();
    });
  }

  /** Goes on with what it was stopped in. */
  async thaw(): Promise<Ended> {
    const { frozen } = this;
    this.frozen = undefined;
    frozen?.release();
    return (await frozen?.running) ?? { how: 'done', value: undefined };
  }

  /** Dies here and now; what it was stopped in comes to nothing. */
  async die(): Promise<void> {
    this.life.isDead = true;
    await this.thaw();
  }

  async close(): Promise<void> {
    if (!this.life.isDead) await this.die();
    await this.opened?.dataSource.destroy();
    this.opened = undefined;
    this.module = undefined;
  }

  private whenFrozen: () => void = () => undefined;

  private async ended(work: () => Promise<unknown>): Promise<Ended> {
    try {
      const value = await work();
      // what it did last may have been kept from telling
      return this.life.isDead ? { how: 'died' } : { how: 'done', value };
    } catch (error) {
      if (this.life.isDead || error instanceof ProcessDied) return { how: 'died' };
      if (error instanceof DatabaseHiccup) return { how: 'hiccup' };
      if (error instanceof Fault) return { how: 'refused', code: error.code };
      return { how: 'failed', error };
    }
  }
}

interface Frozen {
  readonly release: () => void;
  running: Promise<Ended> | undefined;
}
