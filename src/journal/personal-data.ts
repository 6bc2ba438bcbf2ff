import { Injectable } from '@nestjs/common';
import { erasedValue, isErased, type SealedValue } from '../orders/row-change.js';
import { present } from '../platform/assert.js';
import { Clock } from '../platform/clock.js';
import { Database, type Reader, type Transaction } from '../platform/database/database.js';
import { decrypt, encrypt, newPersonalKey, openValue, sealValue } from './personal-cipher.js';
import { PersonalKeyStore } from './personal-key.store.js';

/** The service's own key, under which every person's key is stored. */
export class ServiceKey {
  constructor(readonly bytes: Buffer) {}
}

export interface ValuesOf {
  /** `customer:<id>` or, for a guest, `order:<id>` */
  readonly keyOf: string;
  readonly values: readonly string[];
  /** of each value what it may be the same as, where anything: then it stays as it was sealed */
  readonly known?: readonly (SealedValue | undefined)[];
}

/**
 * Personal values (names, addresses, contacts) under a key per person. Erasing the key makes every
 * copy unreadable, although journal entries never change.
 */
@Injectable()
export class PersonalData {
  constructor(
    private readonly database: Database,
    private readonly store: PersonalKeyStore,
    private readonly serviceKey: ServiceKey,
    private readonly clock: Clock,
  ) {}

  /** Seals the values of several persons, in the given order; keys that are missing are made. */
  async seal(
    transaction: Transaction,
    shopId: string,
    given: readonly ValuesOf[],
  ): Promise<SealedValue[][]> {
    const keysOf = [...new Set(given.map((person) => person.keyOf))].sort();
    const keys = await this.ensureKeys(transaction, shopId, keysOf);
    return given.map(({ keyOf, values, known }) => {
      const key = present(keys.get(keyOf), 'every key asked for was read or made');
      return values.map((value, index) =>
        key === 'erased' ? erasedValue(keyOf) : sealValue(value, { key, keyOf }, known?.[index]),
      );
    });
  }

  /** The values in the clear; null where the person was erased. Within a transaction, that is the `reader`. */
  async open(
    shopId: string,
    values: readonly SealedValue[],
    reader: Reader = this.database,
  ): Promise<(string | null)[]> {
    const keys = await this.readKeys(reader, shopId, [
      ...new Set(values.map((value) => value.keyOf)),
    ]);
    return values.map((value) => {
      const key = keys.get(value.keyOf);
      // a value that came after the erasure stays unreadable, whatever became of the key since
      return key === undefined || key === 'erased' || isErased(value)
        ? null
        : openValue(value, key);
    });
  }

  /** Of these keys (`customer:<id>`, `order:<id>`), those that were erased: their values are unreadable. */
  async erasedOf(shopId: string, keysOf: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(
      keysOf.length === 0 ? [] : await this.store.erasedOf(this.database, shopId, keysOf),
    );
  }

  /**
   * Makes everything about this person unreadable for ever, also what comes later, and gives when that was
   * done; `first` tells whether it was now. Undefined where nothing was ever kept under this key, unless that
   * is to be remembered (`unseenToo`) for what comes of it.
   */
  async erase(
    transaction: Transaction,
    shopId: string,
    keyOf: string,
    { unseenToo = false }: { unseenToo?: boolean } = {},
  ): Promise<{ erasedAt: Date; first: boolean } | undefined> {
    const now = this.clock.now();
    const first =
      (await this.store.erase(transaction, shopId, keyOf, now)) ||
      (unseenToo && (await this.store.eraseUnseen(transaction, shopId, keyOf, now)));
    const erasedAt = await this.store.erasedAt(transaction, shopId, keyOf);
    return erasedAt === undefined ? undefined : { erasedAt, first };
  }

  private async ensureKeys(
    transaction: Transaction,
    shopId: string,
    keysOf: readonly string[],
  ): Promise<Map<string, Buffer | 'erased'>> {
    const known = await this.readKeys(transaction, shopId, keysOf);
    const missing = keysOf.filter((keyOf) => !known.has(keyOf));
    if (missing.length === 0) return known;
    const made = missing.map((keyOf) => {
      const key = newPersonalKey();
      return { keyOf, key, wrappedKey: this.wrap(key, { shopId, keyOf }) };
    });
    const added = await this.store.add(transaction, shopId, made, this.clock.now());
    const others = missing.filter((keyOf) => !added.has(keyOf));
    const ours = made.filter(({ keyOf }) => added.has(keyOf));
    return new Map([
      ...known,
      ...ours.map(({ keyOf, key }) => [keyOf, key] as const),
      ...(await this.readKeys(transaction, shopId, others)),
    ]);
  }

  private async readKeys(
    reader: Reader,
    shopId: string,
    keysOf: readonly string[],
  ): Promise<Map<string, Buffer | 'erased'>> {
    if (keysOf.length === 0) return new Map();
    const rows = await this.store.read(reader, shopId, keysOf);
    return new Map(
      rows.map(({ key_of: keyOf, wrapped_key: wrapped }) => [
        keyOf,
        wrapped === null ? 'erased' : this.unwrap(wrapped, { shopId, keyOf }),
      ]),
    );
  }

  private wrap(key: Buffer, owner: { shopId: string; keyOf: string }): Buffer {
    return encrypt(key, { key: this.serviceKey.bytes, context: `${owner.shopId}/${owner.keyOf}` });
  }

  private unwrap(wrapped: Buffer, owner: { shopId: string; keyOf: string }): Buffer {
    return decrypt(wrapped, {
      key: this.serviceKey.bytes,
      context: `${owner.shopId}/${owner.keyOf}`,
    });
  }
}
