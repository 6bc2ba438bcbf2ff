import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { SealedValue } from '../orders/row-change.js';

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** A new random key for one person. */
export function newPersonalKey(): Buffer {
  return randomBytes(keyBytes);
}

/**
 * A key as the cipher takes it, made once for all values under it: given as bytes, it costs more each time than the
 * cipher itself. By the key and not by its bytes: it is forgotten with it, and so cannot outlive an erasure.
 */
const preparedKeys = new WeakMap<Buffer, KeyObject>();

function preparedKey(key: Buffer): KeyObject {
  const known = preparedKeys.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  preparedKeys.set(key, made);
  return made;
}

/** AES-256-GCM: nonce, ciphertext and tag in one buffer. `context` is bound to it and must be given again. */
export function encrypt(plain: Buffer, options: { key: Buffer; context: string }): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', preparedKey(options.key), nonce).setAAD(
    Buffer.from(options.context),
  );
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** The inverse; throws where the key or the context is another, or a bit was changed. */
export function decrypt(boxed: Buffer, options: { key: Buffer; context: string }): Buffer {
  const decipher = createDecipheriv(
    'aes-256-gcm',
    preparedKey(options.key),
    boxed.subarray(0, nonceBytes),
  );
  decipher.setAAD(Buffer.from(options.context));
  decipher.setAuthTag(boxed.subarray(boxed.length - tagBytes));
  return Buffer.concat([
    decipher.update(boxed.subarray(nonceBytes, boxed.length - tagBytes)),
    decipher.final(),
  ]);
}

/**
 * Seals one personal value under its person's key; the hash lets values be compared without opening them. Gives
 * `known` where that is the same value under the same key: to hash is a quarter of the work.
 */
export function sealValue(
  value: string,
  owner: { key: Buffer; keyOf: string },
  known?: SealedValue,
): SealedValue {
  const hash = createHmac('sha256', hashKey(owner.key)).update(value).digest('base64url');
  if (known?.hash === hash && known.keyOf === owner.keyOf) return known;
  return {
    sealed: encrypt(Buffer.from(value), { key: owner.key, context: owner.keyOf }).toString(
      'base64',
    ),
    hash,
    keyOf: owner.keyOf,
  };
}

export function openValue(value: SealedValue, key: Buffer): string {
  return decrypt(Buffer.from(value.sealed, 'base64'), { key, context: value.keyOf }).toString();
}

/** Derived once for all values that are sealed together, since deriving costs as much as a hash does. */
const hashKeys = new WeakMap<Buffer, KeyObject>();

/** A key of its own for hashing, derived from the person's: it goes when that one is erased. */
function hashKey(key: Buffer): KeyObject {
  const known = hashKeys.get(key);
  if (known !== undefined) return known;
  const prepared = preparedKey(key);
  const derived = hkdfSync('sha256', prepared, Buffer.alloc(0), 'reinstate value hash', keyBytes);
  const made = createSecretKey(Buffer.from(derived));
  hashKeys.set(key, made);
  return made;
}
