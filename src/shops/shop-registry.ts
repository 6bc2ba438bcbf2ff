import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { RestorePolicy, ShopConfig } from '../config/config.schema.js';
import { Fault } from '../platform/errors.js';
import { PostgresShopAdapter } from './postgres/postgres-shop-adapter.js';
import { loadProfile } from './profile-file.js';
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
  /** connection URLs: never logged, never answered */
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
  },
): Promise<Shop[]> {
  const loaded = await Promise.all(
    configured.map(async (config) => ({
      config,
      ...(await loadProfile(config.profile, { directory: options.directory })),
    })),
  );
  return loaded.map(({ config, profile, profileHash }) => ({
    id: config.id,
    name: config.name,
    profile,
    profileHash,
    policy: config.restore,
    credentials: config.postgres,
    adapter: new PostgresShopAdapter({
      profile,
      readUrl: config.postgres.read,
      writeUrl: config.postgres.write,
      lockTimeoutMs: config.restore.lock_timeout_ms,
      statementTimeoutMs: config.restore.statement_timeout_ms,
      transactionTimeoutMs: config.restore.transaction_timeout_ms,
      concurrency: config.restore.concurrency,
      markerOf: (item) => signedMarker({ shopId: config.id, ...item }, options.markerKey),
      mayWrite: () => options.mayWrite(config.id),
    }),
  }));
}
