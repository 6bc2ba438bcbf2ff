import { describe, expect, it } from '@jest/globals';
import { whyInVain } from './quiet-act.js';

describe('ninety seconds without a failure', () => {
  const good = { placed: [100, 160, 220, 235], cancelled: 40, seen: 43 };

  it('prove something with a sale and forty cancellations that were looked at', () => {
    expect(whyInVain(good)).toBeUndefined();
  });

  it.each([
    ['the customer did not cancel', { ...good, cancelled: 0, seen: 3 }, /0 orders instead of 40/],
    ['detection did not hear of it', { ...good, seen: 39 }, /only 39 of 40/],
    ['there was no sale', { ...good, placed: [100, 115, 130, 145] }, /no rush: 15 and 15/],
    ['it did not last', { ...good, placed: [100, 160, 172, 190] }, /60 and 12 .* 18 after/],
    ['no order was placed at all', { ...good, placed: [5, 5, 5, 5] }, /no rush/],
  ])('prove nothing where %s', (_, facts, words) => {
    expect(whyInVain(facts)).toMatch(words);
  });
});
