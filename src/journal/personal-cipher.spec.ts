import { createHmac, hkdfSync } from 'node:crypto';
import { newPersonalKey, openValue, sealValue } from './personal-cipher.js';

describe('sealing a personal value', () => {
  it('can be opened and compared, under its own person’s key only', () => {
    const [key, other] = [newPersonalKey(), newPersonalKey()];
    const owner = { key, keyOf: 'customer:1' };
    const first = sealValue('Jane Doe', owner);
    const again = sealValue('Jane Doe', { key: Buffer.from(key), keyOf: 'customer:1' });
    expect(openValue(first, key)).toBe('Jane Doe');
    expect(again.sealed).not.toBe(first.sealed);
    expect(again.hash).toBe(first.hash);
    expect(sealValue('Jane Do', owner).hash).not.toBe(first.hash);
    expect(sealValue('Jane Doe', { key: other, keyOf: 'customer:2' }).hash).not.toBe(first.hash);
    expect(() => openValue(first, other)).toThrow();
    expect(() => openValue({ ...first, keyOf: 'customer:2' }, key)).toThrow();
  });

  it('hashes under a key that is derived from the person’s, as what is stored already was', () => {
    const key = Buffer.alloc(32, 3);
    const derived = Buffer.from(
      hkdfSync('sha256', key, Buffer.alloc(0), 'reinstate value hash', 32),
    );
    const expected = createHmac('sha256', derived).update('Jane Doe').digest('base64url');
    const owner = { key, keyOf: 'customer:1' };
    expect([1, 2].map(() => sealValue('Jane Doe', owner).hash)).toEqual([expected, expected]);
  });

  it('keeps what was sealed where it is the same value under the same person’s key, and nothing else', () => {
    const [key, other] = [newPersonalKey(), newPersonalKey()];
    const owner = { key, keyOf: 'customer:1' };
    const known = sealValue('Jane Doe', owner);
    expect(sealValue('Jane Doe', owner, known)).toBe(known);
    const changed = sealValue('Jane Do', owner, known);
    expect(openValue(changed, key)).toBe('Jane Do');
    const ofAnother = sealValue('Jane Doe', { key: other, keyOf: 'customer:2' }, known);
    expect(openValue(ofAnother, other)).toBe('Jane Doe');
    const underAnotherName = sealValue('Jane Doe', { key, keyOf: 'order:1' }, known);
    expect(underAnotherName.keyOf).toBe('order:1');
  });
});
