import type { Clock } from '../../platform/clock.js';
import type { Database } from '../../platform/database/database.js';
import type { ShopMapping } from './interpret/shop-mapping.js';
import type { JournalWriter } from './journal-writer.js';
import type { ReplicationMetrics } from './replication.metrics.js';
import type { ReplicationSettings } from './replication.settings.js';
import type { ReplicationStore } from './replication.store.js';
import type { SnapshotWriter } from './snapshot-writer.js';

/** A shop, as far as its stream goes. */
export interface StreamedShop {
  readonly shopId: string;
  readonly mapping: ShopMapping;
  readonly replicateUrl: string;
  readonly readUrl: string;
}

/** What all streams share. */
export interface StreamParts {
  readonly database: Database;
  readonly store: ReplicationStore;
  readonly writer: JournalWriter;
  readonly snapshots: SnapshotWriter;
  readonly metrics: ReplicationMetrics;
  readonly clock: Clock;
  readonly settings: ReplicationSettings;
}
