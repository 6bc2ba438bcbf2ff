import { fitsMarker, MarkerKey, signedMarker, verifiedMarker } from './restore-marker.js';

const key = MarkerKey.from(Buffer.alloc(32, 1));
const itemId = '01940000-0000-7000-8000-000000000001';
const subject = { shopId: 'main', orderId: '12', itemId, action: 'restore' } as const;
const genuine = signedMarker(subject, key);
const changed = (members: object) => JSON.stringify({ ...parsed(genuine), ...members });
const parsed = (text: string) => JSON.parse(text) as { mac: string };

describe('verifiedMarker', () => {
  test('what was signed for this shop vouches for its order', () => {
    expect(verifiedMarker(genuine, { shopId: 'main', key })).toEqual(subject);
  });

  test.each([
    ['no JSON', 'restored!'],
    ['no signature', JSON.stringify({ action: 'restore', itemId, orderId: '12' })],
    ['an empty signature', changed({ mac: '' })],
    ['a signature cut short', changed({ mac: parsed(genuine).mac.slice(0, 20) })],
    ['another order', changed({ orderId: '13' })],
    ['another item', changed({ itemId: '01940000-0000-7000-8000-000000000002' })],
    ['another purpose', changed({ action: 'undo' })],
    ['more text than ours ever has', `${' '.repeat(3_000)}${genuine}`],
  ])('%s vouches for nothing', (_what, content) => {
    expect(verifiedMarker(content, { shopId: 'main', key })).toBeUndefined();
  });

  test('what was signed for another shop, or by another service, vouches for nothing', () => {
    expect(verifiedMarker(genuine, { shopId: 'second', key })).toBeUndefined();
    const foreign = MarkerKey.from(Buffer.alloc(32, 2));
    expect(verifiedMarker(genuine, { shopId: 'main', key: foreign })).toBeUndefined();
  });

  test('members that run into each other give another signature', () => {
    const shifted = { ...subject, shopId: 'main","1', orderId: '2' };
    expect(parsed(signedMarker(shifted, key)).mac).not.toBe(parsed(genuine).mac);
  });

  test('the key is derived, and is not the service’s own', () => {
    expect(key.bytes).toHaveLength(32);
    expect(key.bytes).not.toEqual(Buffer.alloc(32, 1));
  });
});

test.each([
  ['restore', ['restored'], true],
  ['restore', ['changed'], true],
  ['restore', ['cancelled'], false],
  ['restore', ['line-cancelled', 'cancelled'], false],
  ['undo', ['cancelled'], true],
  ['undo', ['restored'], false],
] as const)('a marker of %s on a change of the kinds %p: %p', (action, kinds, fits) => {
  expect(fitsMarker({ action, itemId }, kinds)).toBe(fits);
});
