import { describe, expect, it } from '@jest/globals';
import {
  actorInWords,
  bytesInWords,
  changeInWords,
  countsInWords,
  timelineInWords,
} from './words.js';

describe('plain words', () => {
  it('tell who it was', () => {
    expect(actorInWords('job', 'unpaid-orders')).toBe('job "unpaid-orders"');
    expect(actorInWords('customer', null)).toBe('customer');
    expect(actorInWords('unknown', null)).toBe('nobody known');
    expect(actorInWords('unknown', 'app')).toBe('"app"');
  });

  it('tell a change, and what did not change', () => {
    expect(changeInWords('paid', 'cancelled')).toBe('paid -> cancelled');
    expect(changeInWords('paid', 'paid')).toBe('paid');
    expect(changeInWords(null, 'paid')).toBe('- -> paid');
  });

  it('leave out what is nought', () => {
    expect(countsInWords({ open: 3, planned: 0, restored: 7 })).toBe('3 open, 7 restored');
    expect(countsInWords({ open: 0 })).toBe('none');
  });

  it('give sizes one can compare', () => {
    expect([0, 999, 1_000, 12_340_000, 7e13].map(bytesInWords)).toEqual([
      '0 bytes',
      '999 bytes',
      '1.0 kB',
      '12.3 MB',
      '70.0 TB',
    ]);
    expect(bytesInWords(null)).toBe('-');
  });

  it.each([
    [{ line: '12 paid orders', severity: 'high', orders: 12 }, '12 paid orders'],
    [{ text: 'called them' }, 'called them'],
    [{ orderId: '7', orderNumber: 'S-7', verdict: 'wrongful' }, 'order S-7 wrongful'],
    [
      { from: 'unsure', to: 'intended', reason: 'they said so' },
      'unsure -> intended (they said so)',
    ],
    [{ reason: 'done', restored: 3, closed: 0, override: null }, '3 restored, 0 closed (done)'],
    [
      { planId: 'x', planNumber: 4, hash: 'h', reopen: 9, person: 1 },
      'plan 4 9 to set back, 1 for a person',
    ],
    [
      { pageId: 'p', kind: 'incident-opened', receiver: 'chat', attempts: 3, words: 'HTTP 404' },
      'to chat HTTP 404',
    ],
    [
      { orderNumber: 'S-7', fromMinor: 4_990, toMinor: 0, currency: 'EUR' },
      'order S-7 EUR 49.90 -> EUR 0.00',
    ],
    [{}, ''],
  ])('tell a timeline entry %#', (data, words) => {
    expect(timelineInWords(data)).toBe(words);
  });
});
