import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../platform/database/database.js';

export interface PersonalKeyRow {
  readonly key_of: string;
  /** the person's key, encrypted under the service's; null once erased */
  readonly wrapped_key: Buffer | null;
}

@Injectable()
export class PersonalKeyStore {
  async read(reader: Reader, shopId: string, keysOf: readonly string[]): Promise<PersonalKeyRow[]> {
    return reader.query<PersonalKeyRow>(
      'SELECT key_of, wrapped_key FROM personal_key WHERE shop_id = $1 AND key_of = ANY($2)',
      [shopId, keysOf],
    );
  }

  /** Adds keys, and gives which were: where another process was first, its key stays and ours is dropped. */
  async add(
    transaction: Transaction,
    shopId: string,
    keys: readonly { keyOf: string; wrappedKey: Buffer }[],
    now: Date,
  ): Promise<Set<string>> {
    const added = await transaction.query<{ key_of: string }>(
      `INSERT INTO personal_key (shop_id, key_of, wrapped_key, created_at)
       SELECT $1, key_of, wrapped_key, $4 FROM unnest($2::text[], $3::bytea[]) AS given(key_of, wrapped_key)
       ON CONFLICT DO NOTHING RETURNING key_of`,
      [shopId, keys.map((key) => key.keyOf), keys.map((key) => key.wrappedKey), now],
    );
    return new Set(added.map((key) => key.key_of));
  }

  /** Takes the key away; false where that was done before, or where there never was one. */
  async erase(
    transaction: Transaction,
    shopId: string,
    keyOf: string,
    now: Date,
  ): Promise<boolean> {
    const rows = await transaction.query(
      `UPDATE personal_key SET wrapped_key = NULL, erased_at = $3
       WHERE shop_id = $1 AND key_of = $2 AND erased_at IS NULL RETURNING key_of`,
      [shopId, keyOf, now],
    );
    return rows.length > 0;
  }

  /** Notes an erasure for a person of whom no key is known; false where it was noted before. */
  async eraseUnseen(
    transaction: Transaction,
    shopId: string,
    keyOf: string,
    now: Date,
  ): Promise<boolean> {
    const rows = await transaction.query(
      `INSERT INTO personal_key AS known (shop_id, key_of, wrapped_key, created_at, erased_at)
       VALUES ($1, $2, NULL, $3, $3)
       ON CONFLICT (shop_id, key_of) DO UPDATE SET wrapped_key = NULL, erased_at = $3
       WHERE known.erased_at IS NULL RETURNING key_of`,
      [shopId, keyOf, now],
    );
    return rows.length > 0;
  }

  /** When the key was taken away; undefined where it was not, or where there never was one. */
  async erasedAt(reader: Reader, shopId: string, keyOf: string): Promise<Date | undefined> {
    const row = await reader.queryOne<{ erasedAt: Date }>(
      `SELECT erased_at AS "erasedAt" FROM personal_key
       WHERE shop_id = $1 AND key_of = $2 AND erased_at IS NOT NULL`,
      [shopId, keyOf],
    );
    return row?.erasedAt;
  }

  async erasedOf(reader: Reader, shopId: string, keysOf: readonly string[]): Promise<string[]> {
    const rows = await reader.query<{ keyOf: string }>(
      `SELECT key_of AS "keyOf" FROM personal_key
       WHERE shop_id = $1 AND key_of = ANY($2) AND erased_at IS NOT NULL`,
      [shopId, keysOf],
    );
    return rows.map(({ keyOf }) => keyOf);
  }

  async isShop(reader: Reader, shopId: string): Promise<boolean> {
    return (
      (await reader.queryOne('SELECT 1 AS found FROM shop WHERE id = $1', [shopId])) !== undefined
    );
  }
}
