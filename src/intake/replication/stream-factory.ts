import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { JournalWriter } from './journal-writer.js';
import { ReplicationMetrics } from './replication.metrics.js';
import { ReplicationStore } from './replication.store.js';
import { ReplicationSettings } from './replication.settings.js';
import { ShopStream } from './shop-stream.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { defaultTimings } from './stream-timings.js';
import type { StreamedShop } from './streamed-shop.js';

/** Makes the streams of shops from what they all share. */
@Injectable()
export class StreamFactory {
  constructor(
    private readonly database: Database,
    private readonly store: ReplicationStore,
    private readonly writer: JournalWriter,
    private readonly snapshots: SnapshotWriter,
    private readonly metrics: ReplicationMetrics,
    private readonly clock: Clock,
    private readonly settings: ReplicationSettings,
  ) {}

  open(shop: StreamedShop, timings = defaultTimings): ShopStream {
    const { database, store, writer, snapshots, metrics, clock, settings } = this;
    const parts = { database, store, writer, snapshots, metrics, clock, settings };
    return new ShopStream(shop, parts, timings);
  }

  /** The metrics of a shop that is not followed. */
  closed(shopId: string): void {
    this.metrics.close(shopId);
  }
}
