import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { DetectionSettings } from './detection.settings.js';
import { DetectionStores } from './detection.stores.js';
import { DetectorSchool } from './detector-school.js';
import { CancellationScan } from './detectors/cancellation-scan.js';
import { WatchedShop, type ShopUnderWatch } from './watched-shop.js';

/** The detectors of all shops: held in memory while nobody else has saved a newer state. */
@Injectable()
export class WatchedShops {
  private readonly held = new Map<string, WatchedShop>();

  constructor(
    private readonly database: Database,
    private readonly stores: DetectionStores,
    private readonly school: DetectorSchool,
    private readonly settings: DetectionSettings,
  ) {}

  /** The shop's detector as it was last saved; undefined while the shop's initial snapshot is under way. */
  async of(shop: ShopUnderWatch, now: Date): Promise<WatchedShop | undefined> {
    const fresh = this.fresh();
    const key = { shopId: shop.id, detector: fresh.detector.name };
    const progress = await this.stores.states.progress(this.database, key);
    const held = this.held.get(shop.id);
    if (held !== undefined && held.revision === progress?.revision) return held;
    if (progress === undefined) return this.begin(fresh, shop, now);
    return this.load(fresh, shop, now);
  }

  keep(shopId: string, watched: WatchedShop): void {
    this.held.set(shopId, watched);
  }

  forget(shopId: string): void {
    this.held.delete(shopId);
  }

  private fresh(): WatchedShop {
    const { weeksPerFalsePage } = this.settings;
    return new WatchedShop(new CancellationScan({ weeksPerFalsePage }), 0, 0);
  }

  private async begin(
    watched: WatchedShop,
    shop: ShopUnderWatch,
    now: Date,
  ): Promise<WatchedShop | undefined> {
    if (!(await this.school.isReady(shop))) return undefined;
    await this.school.teach(watched, shop, { position: 0, now });
    return watched;
  }

  private async load(
    fresh: WatchedShop,
    shop: ShopUnderWatch,
    now: Date,
  ): Promise<WatchedShop | undefined> {
    const key = { shopId: shop.id, detector: fresh.detector.name };
    const saved = await this.stores.states.read(this.database, key);
    if (saved === undefined) return undefined;
    const { position, revision, state, statePosition } = saved;
    const loaded = new WatchedShop(fresh.detector, statePosition, revision);
    if (loaded.restore(state)) return loaded;
    return this.relearn({ shop, position, revision, now });
  }

  /** After an upgrade whose detector cannot read the old state: what it left live is closed, and it learns anew. */
  private async relearn(old: {
    shop: ShopUnderWatch;
    position: number;
    revision: number;
    now: Date;
  }): Promise<WatchedShop | undefined> {
    const { shop, position, revision, now } = old;
    const watched = this.fresh();
    await this.school.teach(watched, shop, { position, now });
    watched.revision = revision;
    const origin = { shopId: shop.id, detector: watched.detector.name, now };
    const isSaved = await this.database.transaction(async (transaction) => {
      const saved = { after: revision, position: watched.position, state: watched.save(), now };
      if (!(await this.stores.states.save(transaction, origin, saved))) return false;
      await this.stores.findings.closeAll(transaction, origin);
      return true;
    });
    if (!isSaved) return undefined;
    watched.saved({ whole: true });
    return watched;
  }
}
