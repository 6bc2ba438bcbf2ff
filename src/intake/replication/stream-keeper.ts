import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import type { BackgroundStep } from '../../platform/work/background-step.js';
import { Fault, messageOf } from '../../platform/errors.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { mapShop } from './interpret/shop-mapping.js';
import type { AttachTarget } from './attach/shop-attacher.js';
import { ReplicationStore } from './replication.store.js';
import type { ShopStream } from './shop-stream.js';
import type { HeldSlot } from './source/slot.js';
import { StreamFactory } from './stream-factory.js';
import { StreamInspector } from './stream-inspector.js';

/** Keeps one stream going for every attached shop, from the start of the service to its end. */
@Injectable()
export class StreamKeeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Replication');
  private readonly streams = new Map<string, ShopStream>();
  /** shops that are being attached or detached right now */
  private readonly busy = new Set<string>();

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
  }

  /** Goes on with a shop, unless it is not attached. */
  async followIfAttached(shopId: string): Promise<void> {
    const row = await this.store.read(this.database, shopId);
    if (this.streams.has(shopId)) return;
    if (row === undefined || row.state === 'detached') {
      this.factory.closed(shopId);
      return;
    }
    this.logger.log(`following ${shopId} from ${row.confirmedLsn ?? 'a new snapshot'}`);
    this.follow(this.targetOf(shopId));
  }

  async onApplicationShutdown(): Promise<void> {
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

  /** Lets one change of a shop's attachment at a time through. */
  async exclusively<T>(shopId: string, work: (target: AttachTarget) => Promise<T>): Promise<T> {
    const target = this.targetOf(shopId);
    if (this.busy.has(shopId)) {
      throw new Fault(
        'conflict',
        'attach-under-way',
        `the shop "${shopId}" is being attached or detached right now; ask again in a moment`,
      );
    }
    this.busy.add(shopId);
    try {
      return await work(target);
    } finally {
      this.busy.delete(shopId);
    }
  }

  /** Looks at every followed shop; one that fails stops no other. */
  async inspectAll(): Promise<void> {
    const looks = [...this.streams.values()].map((stream) => this.inspector.inspect(stream));
    for (const result of await Promise.allSettled(looks)) {
      if (result.status === 'rejected') this.logger.warn(messageOf(result.reason));
    }
  }

  targetOf(shopId: string): AttachTarget {
    const { id, profile, credentials, adapter } = this.registry.get(shopId);
    return {
      shopId: id,
      mapping: mapShop(profile),
      replicateUrl: credentials.replicate,
      readUrl: credentials.read,
      check: () => adapter.check(),
    };
  }
}

/** Samples lag and retained log, and watches the publications. */
@Injectable()
export class ReplicationInspectionStep implements BackgroundStep {
  readonly name = 'replication-inspection';
  readonly intervalMs = 5_000;

  constructor(private readonly keeper: StreamKeeper) {}

  async run(): Promise<'idle'> {
    await this.keeper.inspectAll();
    return 'idle';
  }
}
