import { Injectable } from '@nestjs/common';
import { IsNull, Not, type FindOptionsWhere } from 'typeorm';
import type { Reader, Transaction } from '../platform/database/database.js';
import { ShopEntity } from './shop.entity.js';

/** Whether a shop may be written to. */
export type ShopState = Pick<
  ShopEntity,
  'armedAt' | 'armedBy' | 'stoppedAt' | 'stoppedBy' | 'stopReason'
>;

/** What is written down of a configured shop. */
export type MirroredShop = Pick<ShopEntity, 'id' | 'name' | 'profileName' | 'profileHash'>;

interface Change {
  readonly shopId: string;
  readonly personId: string;
  readonly now: Date;
}

@Injectable()
export class ShopStore {
  /** Writes the configured shop down, so that other rows can point to it; its state stays as it is. */
  async mirror(transaction: Transaction, shop: MirroredShop, now: Date): Promise<void> {
    await transaction.query(
      `INSERT INTO shop (id, name, profile_name, profile_hash, created_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, profile_name = excluded.profile_name,
         profile_hash = excluded.profile_hash
       WHERE (shop.name, shop.profile_name, shop.profile_hash)
         IS DISTINCT FROM (excluded.name, excluded.profile_name, excluded.profile_hash)`,
      [shop.id, shop.name, shop.profileName, shop.profileHash, now],
    );
  }

  /** Nobody allowed restores under a profile that is not the one they proved; whether the shop was armed under another. */
  async disarmUnlessProved(transaction: Transaction, shop: MirroredShop): Promise<boolean> {
    const armedOtherwise = {
      id: shop.id,
      armedAt: Not(IsNull()),
      profileHash: Not(shop.profileHash),
    };
    return changed(transaction, armedOtherwise, { armedAt: null, armedBy: null });
  }

  async state(reader: Reader, shopId: string): Promise<ShopState | undefined> {
    const shop = await reader.repository(ShopEntity).findOneBy({ id: shopId });
    if (shop === null) return undefined;
    const { armedAt, armedBy, stoppedAt, stoppedBy, stopReason } = shop;
    return { armedAt, armedBy, stoppedAt, stoppedBy, stopReason };
  }

  async mayWrite(reader: Reader, shopId: string): Promise<boolean> {
    const shops = reader.repository(ShopEntity);
    return shops.existsBy({ id: shopId, armedAt: Not(IsNull()), stoppedAt: IsNull() });
  }

  /** These four answer whether anything changed: false where the shop was in that state already. */
  async arm(transaction: Transaction, { shopId, personId, now }: Change): Promise<boolean> {
    const unarmed = { id: shopId, armedAt: IsNull() };
    return changed(transaction, unarmed, { armedAt: now, armedBy: personId });
  }

  async disarm(transaction: Transaction, shopId: string): Promise<boolean> {
    const armed = { id: shopId, armedAt: Not(IsNull()) };
    return changed(transaction, armed, { armedAt: null, armedBy: null });
  }

  async stop(transaction: Transaction, change: Change & { reason: string }): Promise<boolean> {
    const { shopId, personId, now, reason } = change;
    const going = { id: shopId, stoppedAt: IsNull() };
    const stop = { stoppedAt: now, stoppedBy: personId, stopReason: reason };
    return changed(transaction, going, stop);
  }

  async resume(transaction: Transaction, shopId: string): Promise<boolean> {
    const stopped = { id: shopId, stoppedAt: Not(IsNull()) };
    const going = { stoppedAt: null, stoppedBy: null, stopReason: null };
    return changed(transaction, stopped, going);
  }
}

async function changed(
  transaction: Transaction,
  from: FindOptionsWhere<ShopEntity>,
  to: Partial<ShopState>,
): Promise<boolean> {
  const { affected } = await transaction.repository(ShopEntity).update(from, to);
  return affected === 1;
}
