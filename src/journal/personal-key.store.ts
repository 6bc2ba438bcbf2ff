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

  /** Adds keys; where another process was first, its key stays and ours is dropped. */
  async add(
    transaction: Transaction,
    shopId: string,
    keys: readonly { keyOf: string; wrappedKey: Buffer }[],
    now: Date,
  ): Promise<void> {
    await transaction.query(
      `INSERT INTO personal_key (shop_id, key_of, wrapped_key, created_at)
       SELECT $1, key_of, wrapped_key, $4 FROM unnest($2::text[], $3::bytea[]) AS given(key_of, wrapped_key)
       ON CONFLICT DO NOTHING`,
      [shopId, keys.map((key) => key.keyOf), keys.map((key) => key.wrappedKey), now],
    );
  }

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
}
