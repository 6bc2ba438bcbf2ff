import { Module, type DynamicModule } from '@nestjs/common';
import { AuditService } from '../access/audit.service.js';
import type { ShopConfig } from '../config/config.schema.js';
import { Clock } from '../platform/clock.js';
import { Database, type Transaction } from '../platform/database/database.js';
import { ToldOrdersStore } from './http/told-orders.store.js';
import { ToldShopAdapter } from './http/told-shop-adapter.js';
import { MarkerKey } from './restore-marker.js';
import { RestoreMarkerStore } from './restore-marker.store.js';
import { RestoreMarkers } from './restore-markers.js';
import { ObservationController } from './observation/observation.controller.js';
import { ObservationService } from './observation/observation.service.js';
import { openShops, ShopRegistry, type Shop } from './shop-registry.js';
import { ShopController } from './shop.controller.js';
import { ShopService } from './shop.service.js';
import { ShopStore } from './shop.store.js';

export interface ConfiguredShops {
  readonly shops: readonly ShopConfig[];
  /** where relative paths of profiles are meant from */
  readonly directory: string;
  /** signs the marks that restores leave in the shops' streams */
  readonly markerKey: MarkerKey;
}

/** The configured shops. They are written down before any other room gets hold of the registry. */
@Module({})
export class ShopsModule {
  static with(parts: ConfiguredShops): DynamicModule {
    const exported = [ShopRegistry, ShopService, RestoreMarkers];
    return {
      module: ShopsModule,
      global: true,
      controllers: [ShopController, ObservationController],
      providers: [
        ShopStore,
        ShopService,
        ObservationService,
        RestoreMarkers,
        RestoreMarkerStore,
        { provide: MarkerKey, useValue: parts.markerKey },
        {
          provide: ShopRegistry,
          inject: [Database, ShopStore, AuditService, Clock],
          useFactory: (database: Database, store: ShopStore, audit: AuditService, clock: Clock) =>
            openRegistry({ database, store, audit, now: clock.now() }, parts),
        },
      ],
      exports: exported,
    };
  }
}

interface Records {
  readonly database: Database;
  readonly store: ShopStore;
  readonly audit: AuditService;
  readonly now: Date;
}

/**
 * Opens the configured shops and mirrors them into our own database. A shop whose profile is another
 * than the one it was armed with is disarmed, with its audit entry: an admin proves and arms it anew.
 */
export async function openRegistry(
  records: Records,
  { shops: configured, directory, markerKey }: ConfiguredShops,
): Promise<ShopRegistry> {
  const { database, store } = records;
  const shops = await openShops(configured, {
    directory,
    markerKey,
    mayWrite: (shopId) => store.mayWrite(database, shopId),
    toldAdapter: (shopId) => new ToldShopAdapter(shopId, database, new ToldOrdersStore()),
  });
  await database.transaction(async (transaction) => {
    for (const shop of shops) await writeDown(transaction, shop, records);
  });
  return new ShopRegistry(shops);
}

async function writeDown(
  transaction: Transaction,
  { id, name, profile, profileHash }: Shop,
  { store, audit, now }: Records,
): Promise<void> {
  const mirrored = { id, name, profileName: profile.profile, profileHash };
  if (await store.disarmUnlessProved(transaction, mirrored)) {
    await audit.record(transaction, {
      ...{ caller: null, at: now, action: 'shop.disarmed', subjectKind: 'shop', subjectId: id },
      data: { profile: profile.profile, profileHash, reason: 'profile-changed' },
    });
  }
  await store.mirror(transaction, mirrored, now);
}
