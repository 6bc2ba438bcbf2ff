import fc from 'fast-check';
import { canonicalHash, canonicalJson } from './canonical-json.js';

describe('the canonical form', () => {
  it('orders fields at every depth, leaves out what is undefined, and keeps the order of lists', () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }] })).toBe(
      '{"a":[{"c":"x","d":null}],"b":1}',
    );
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: undefined, A: 'x' })).toBe(
      '{"A":"x","b":[{"c":null,"d":1}]}',
    );
    expect(canonicalHash([1, 2])).not.toBe(canonicalHash([2, 1]));
  });

  it('survives a round trip through JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(canonicalHash(JSON.parse(JSON.stringify(value)))).toBe(canonicalHash(value));
      }),
    );
  });

  it('is a SHA-256 in hexadecimal', () => {
    expect(canonicalHash({})).toBe(
      '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    );
  });
});
