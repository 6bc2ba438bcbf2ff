import { Module, type DynamicModule } from '@nestjs/common';
import type { ShopConfig } from '../config/config.schema.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { MarkerKey } from './restore-marker.js';
import { RestoreMarkerStore } from './restore-marker.store.js';
import { RestoreMarkers } from './restore-markers.js';
import { openShops, ShopRegistry } from './shop-registry.js';
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
      controllers: [ShopController],
      providers: [
        ShopStore,
        ShopService,
        RestoreMarkers,
        RestoreMarkerStore,
        { provide: MarkerKey, useValue: parts.markerKey },
        {
          provide: ShopRegistry,
          inject: [Database, ShopStore, Clock],
          useFactory: (database: Database, store: ShopStore, clock: Clock) =>
            openRegistry({ database, store, now: clock.now() }, parts),
        },
      ],
      exports: exported,
    };
  }
}

/** Opens the configured shops and mirrors them into our own database. */
export async function openRegistry(
  { database, store, now }: { database: Database; store: ShopStore; now: Date },
  { shops: configured, directory, markerKey }: ConfiguredShops,
): Promise<ShopRegistry> {
  const shops = await openShops(configured, {
    directory,
    markerKey,
    mayWrite: (shopId) => store.mayWrite(database, shopId),
  });
  await database.transaction(async (transaction) => {
    for (const { id, name, profile, profileHash } of shops)
      await store.mirror(transaction, { id, name, profileName: profile.profile, profileHash }, now);
  });
  return new ShopRegistry(shops);
}
