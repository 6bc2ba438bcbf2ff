import { mapShop } from '../../src/intake/replication/interpret/shop-mapping.js';
import { ShopStream } from '../../src/intake/replication/shop-stream.js';
import { defaultTimings } from '../../src/intake/replication/stream-timings.js';
import { entities } from '../../src/entities.js';
import { openDatabase, type DatabaseSettings } from '../../src/platform/database/connect.js';
import { replicationParts, type HarnessLimits } from './replication-harness.js';
import { testShopProfile } from './test-shop.js';

/** What a process of its own is told. */
export interface FollowerOrder {
  readonly settings: DatabaseSettings;
  readonly limits: HarnessLimits;
  readonly shop: {
    readonly shopId: string;
    readonly replicateUrl: string;
    readonly readUrl: string;
  };
}

const { settings, limits, shop } = JSON.parse(process.argv[2] ?? '') as FollowerOrder;
const database = await openDatabase(settings, entities);
const { parts } = replicationParts(database, limits);
new ShopStream({ ...shop, mapping: mapShop(testShopProfile()) }, parts, defaultTimings).start();
process.stdout.write('Reinstate listens on nothing\n');
