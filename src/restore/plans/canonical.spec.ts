import fc from 'fast-check';
import { canonicalHash, canonicalJson } from './canonical.js';

describe('the canonical form', () => {
  it('does not depend on the order of fields, but on that of lists', () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }] })).toBe(
      '{"a":[{"c":"x","d":null}],"b":1}',
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
