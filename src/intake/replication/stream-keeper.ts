import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import { Log } from '../../platform/telemetry/log.js';
import type { BackgroundStep, StepContext } from '../../platform/work/background-step.js';
import { Fault } from '../../platform/errors.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { mapShop } from './interpret/shop-mapping.js';
import type { AttachTarget } from './attach/shop-attacher.js';
import { ReplicationStore } from './replication.store.js';
import type { ShopStream } from './shop-stream.js';
import { placeOf, shopProblem } from './source/shop-problem.js';
import { delay, type HeldSlot } from './source/slot.js';
import { StreamFactory } from './stream-factory.js';
import { StreamInspector } from './stream-inspector.js';

/** An attach that is given up takes back what it changed, and needs the shop's locks for that. */
const giveUpLimitMs = 15_000;

/** Keeps one stream going for every attached shop, from the start of the service to its end. */
@Injectable()
export class StreamKeeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log = new Log('Replication');
  private readonly streams = new Map<string, ShopStream>();
  /** shops that are being attached or detached right now */
  private readonly busy = new Map<string, Promise<unknown>>();
  private readonly stopping = new AbortController();
  /** shops that another process has attached, as the last look has found */
  private attachedElsewhere: ReadonlySet<string> = new Set();

  constructor(
    private readonly database: Database,
    private readonly registry: ShopRegistry,
    private readonly store: ReplicationStore,
    private readonly factory: StreamFactory,
    private readonly inspector: StreamInspector,
  ) {}

  /** Goes on with every shop that was attached before. */
  async onApplicationBootstrap(): Promise<void> {
    for (const { id } of this.registry.list()) await this.followIfAttached(id);
    await this.tellForgotten();
  }

  /** A shop that was taken out of the configuration while attached keeps its log for nobody. */
  private async tellForgotten(): Promise<void> {
    const known = new Set(this.registry.list().map(({ id }) => id));
    for (const { shopId, slotName } of await this.store.attached(this.database)) {
      if (known.has(shopId)) continue;
      this.log.warn(
        { event: 'stream-forgotten', shop: shopId },
        `the shop "${shopId}" is attached but not configured any more: its server keeps log for the slot ` +
          `${slotName}; configure it again and detach it, or have the slot dropped`,
      );
    }
  }

  /** Goes on with a shop, unless it is not attached. */
  async followIfAttached(shopId: string): Promise<void> {
    const row = await this.store.read(this.database, shopId);
    if (this.streams.has(shopId)) return;
    if (row === undefined || row.state === 'detached') {
      this.factory.closed(shopId);
      return;
    }
    this.log.info(
      { event: 'stream-followed', shop: shopId },
      `following the shop from ${row.confirmedLsn ?? 'a new snapshot'}`,
    );
    this.follow(this.targetOf(shopId));
  }

  /** Ends all streams, and an attach that is under way is given up: within seconds, whatever the shops do. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort(new Fault('unavailable', 'stopping', 'Reinstate is being stopped'));
    const over = new AbortController();
    const given = Promise.allSettled(this.busy.values());
    await Promise.race([given, delay(giveUpLimitMs, over.signal)]);
    over.abort();
    await Promise.all([...this.streams.values()].map((stream) => stream.stop()));
    this.streams.clear();
  }

  /** Follows a shop; `held` is a slot that was just made for it. */
  follow(target: AttachTarget, held?: HeldSlot): void {
    const stream = this.factory.open(target);
    this.streams.set(target.shopId, stream);
    stream.start(held);
  }

  /** Stops following a shop; what was not journalled by now comes again when it is followed again. */
  async leave(shopId: string): Promise<void> {
    const stream = this.streams.get(shopId);
    this.streams.delete(shopId);
    await stream?.stop();
  }

  /** Lets one change of a shop's attachment at a time through; the signal is aborted when the service stops. */
  async exclusively<T>(
    shopId: string,
    work: (target: AttachTarget, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const target = this.targetOf(shopId);
    if (this.busy.has(shopId)) {
      throw new Fault(
        'conflict',
        'attach-under-way',
        `the shop "${shopId}" is being attached or detached right now; ask again in a moment`,
      );
    }
    const working = work(target, this.stopping.signal);
    this.busy.set(shopId, working);
    try {
      return await working;
    } finally {
      this.busy.delete(shopId);
    }
  }

  /**
   * Follows what other processes have attached since, as a standby at least, and lets go of what they have detached.
   * One that was attached a moment ago is left to whoever did it until the next look: it holds the slot's snapshot.
   */
  async keepUp(): Promise<void> {
    const found = new Set<string>();
    const attached = await this.store.attached(this.database);
    const names = new Set(attached.map(({ shopId }) => shopId));
    for (const { id } of this.registry.list()) {
      if (this.busy.has(id) || this.stopping.signal.aborted) continue;
      if (this.streams.get(id)?.isOver === true) {
        await this.leave(id);
        this.factory.closed(id);
      }
      if (!names.has(id) || this.streams.has(id)) continue;
      if (this.attachedElsewhere.has(id)) await this.followIfAttached(id);
      else found.add(id);
    }
    this.attachedElsewhere = found;
  }

  /** Looks at every shop that this process follows; one that fails stops no other. */
  async inspectAll(signal: AbortSignal): Promise<void> {
    const followed = [...this.streams.values()].filter(({ isFollowing }) => isFollowing);
    const looks = followed.map((stream) =>
      this.inspector.inspect(stream, signal).catch((error: unknown) => {
        if (signal.aborted) return;
        const { shopId } = stream.shop;
        this.log.warn(
          { event: 'stream-not-inspected', shop: shopId },
          `a shop cannot be looked at: ${shopProblem(error)} ${placeOf(error)}`,
        );
      }),
    );
    await Promise.all(looks);
  }

  /** Such a shop has no stream to be kept. */
  isToldByHttp(shopId: string): boolean {
    return this.registry.get(shopId).credentials === undefined;
  }

  targetOf(shopId: string): AttachTarget {
    const { id, profile, credentials, adapter } = this.registry.get(shopId);
    if (credentials === undefined) throw toldByHttp(id);
    return {
      shopId: id,
      mapping: mapShop(profile),
      replicateUrl: credentials.replicate,
      readUrl: credentials.read,
      check: () => adapter.check(),
    };
  }
}

function toldByHttp(shopId: string): Fault {
  return new Fault(
    'conflict',
    'shop-told-by-http',
    `the shop ${shopId} has no database in the configuration: it tells of its orders by HTTP, and there is nothing to attach`,
  );
}

/** Keeps this process's streams in step with the rows, samples lag and retained log, and watches the publications. */
@Injectable()
export class ReplicationInspectionStep implements BackgroundStep {
  readonly name = 'replication-inspection';
  readonly intervalMs = 5_000;
  readonly inEachProcess = true;

  constructor(private readonly keeper: StreamKeeper) {}

  async run({ signal }: StepContext): Promise<'idle'> {
    await this.keeper.keepUp();
    await this.keeper.inspectAll(signal);
    return 'idle';
  }
}
