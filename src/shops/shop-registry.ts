import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { RestorePolicy, ShopConfig } from '../config/config.schema.js';
import { present } from '../platform/assert.js';
import { Fault } from '../platform/errors.js';
import { PostgresShopAdapter } from './postgres/postgres-shop-adapter.js';
import { toldOrderProfile } from './http/told-order-profile.js';
import { loadProfile, profileHash } from './profile-file.js';
import type { Profile } from './profile.js';
import { signedMarker, type MarkerKey } from './restore-marker.js';
import type { ShopAdapter } from './shop-adapter.js';

/** A configured shop: what it is called, what its tables mean, and the way to it. */
export interface Shop {
  readonly id: string;
  readonly name: string;
  readonly profile: Profile;
  readonly profileHash: string;
  readonly adapter: ShopAdapter;
  readonly policy: RestorePolicy;
  /** connection URLs: never logged, never answered; undefined for a shop that tells of its orders by HTTP */
  readonly credentials: ShopConfig['postgres'];
}

/** The configured shops. They do not change while the service runs. */
@Injectable()
export class ShopRegistry implements OnModuleDestroy {
  constructor(private readonly shops: readonly Shop[]) {}

  list(): readonly Shop[] {
    return this.shops;
  }

  /** @throws Fault `shop-missing` */
  get(shopId: string): Shop {
    const shop = this.shops.find(({ id }) => id === shopId);
    if (shop === undefined)
      throw new Fault('missing', 'shop-missing', `no shop ${shopId} is configured`);
    return shop;
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.allSettled(this.shops.map(({ adapter }) => adapter.close()));
  }
}

/**
 * Reads the profile of every configured shop and prepares its adapter; no connection is opened yet.
 * `mayWrite` is asked before each restore, and `markerKey` signs what tells it from others' writes.
 * @throws Fault for the first profile that cannot be read
 */
export async function openShops(
  configured: readonly ShopConfig[],
  options: {
    directory: string;
    markerKey: MarkerKey;
    mayWrite: (shopId: string) => Promise<boolean>;
    /** the adapter of a shop that tells of its orders by HTTP */
    toldAdapter: (shopId: string) => ShopAdapter;
  },
): Promise<Shop[]> {
  return Promise.all(
    configured.map(async (config) => ({
      id: config.id,
      name: config.name,
      policy: config.restore,
      credentials: config.postgres,
      ...(await openShop(config, options)),
    })),
  );
}

type Opened = Pick<Shop, 'profile' | 'profileHash' | 'adapter'>;

async function openShop(
  config: ShopConfig,
  options: Parameters<typeof openShops>[1],
): Promise<Opened> {
  const { id, postgres, restore } = config;
  if (postgres === undefined)
    return {
      profile: toldOrderProfile,
      profileHash: profileHash(toldOrderProfile),
      adapter: options.toldAdapter(id),
    };
  const name = present(config.profile, 'a shop with a database has a profile');
  const loaded = await loadProfile(name, { directory: options.directory });
  const adapter = new PostgresShopAdapter({
    profile: loaded.profile,
    readUrl: postgres.read,
    writeUrl: postgres.write,
    lockTimeoutMs: restore.lock_timeout_ms,
    statementTimeoutMs: restore.statement_timeout_ms,
    transactionTimeoutMs: restore.transaction_timeout_ms,
    concurrency: restore.concurrency,
    markerOf: (item) => signedMarker({ shopId: id, ...item }, options.markerKey),
    mayWrite: () => options.mayWrite(id),
  });
  return { profile: loaded.profile, profileHash: loaded.profileHash, adapter };
}
