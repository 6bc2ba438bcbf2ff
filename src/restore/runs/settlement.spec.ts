import type { JournalEntry } from '../../orders/order-event.js';
import { itemStates, type ItemState, type RunItem } from './run.js';
import { isContradicted, judgeSettlement } from './settlement.js';

const person = { kind: 'person' } as const;
const now = new Date('2026-03-01T12:00:00Z');
const itemIn = (state: ItemState) => ({ state, settledOutcome: null, updatedAt: now }) as const;

describe('who may say what became of an order', () => {
  it('a person, of an unknown outcome that the server does not know either', () => {
    const facts = { caller: person, item: itemIn('unknown'), now } as const;
    expect(judgeSettlement({ ...facts, server: undefined })).toBeUndefined();
    expect(judgeSettlement({ ...facts, server: 'unknown' })).toBeUndefined();
    expect(judgeSettlement({ ...facts, server: 'in-progress' })).toBe('outcome-in-progress');
    expect(judgeSettlement({ ...facts, server: 'committed' })).toBe('outcome-known');
    expect(judgeSettlement({ ...facts, server: 'aborted' })).toBe('outcome-known');
    expect(judgeSettlement({ ...facts, caller: { kind: 'service' }, server: undefined })).toBe(
      'services-cannot-settle',
    );
  });

  it('a person, of an order that was written and that the stream has not shown for half a minute', () => {
    const written = itemIn('applied');
    const facts = { caller: person, item: written, server: 'committed' } as const;
    const after = (ms: number) => new Date(now.getTime() + ms);
    expect(judgeSettlement({ ...facts, now: after(29_999) })).toBe('echo-awaited');
    expect(judgeSettlement({ ...facts, now: after(30_000) })).toBeUndefined();
    const retried = { ...written, settledOutcome: 'not-applied' } as const;
    expect(judgeSettlement({ ...facts, item: retried, now: after(30_000) })).toBeUndefined();
    const settled = { ...written, settledOutcome: 'applied' } as const;
    expect(judgeSettlement({ ...facts, item: settled, now: after(30_000) })).toBe(
      'item-not-unknown',
    );
  });

  it.each(itemStates.filter((state) => state !== 'unknown' && state !== 'applied'))(
    'of no item that is %s',
    (state) => {
      const facts = { caller: person, item: itemIn(state), now, server: undefined } as const;
      expect(judgeSettlement(facts)).toBe('item-not-unknown');
    },
  );
});

describe('a marker that comes in after an order was settled', () => {
  const item = (
    settledOutcome: RunItem['settledOutcome'],
    settledTransactionId: number | null,
  ): RunItem => ({ settledOutcome, settledTransactionId }) as RunItem;
  const from = (transactionId: number): Pick<JournalEntry, 'source'> => ({
    source: { incarnation: '1/1/1', commitLsn: '0/1', transactionId },
  });

  it('contradicts it where it is of the transaction that was called not applied', () => {
    expect(isContradicted(item('not-applied', 800), from(800))).toBe(true);
    expect(isContradicted(item('not-applied', null), from(800))).toBe(true);
    // noted with its epoch, seen in the stream without
    expect(isContradicted(item('not-applied', 3 * 2 ** 32 + 800), from(800))).toBe(true);
  });

  it('does not where a later attempt wrote it, or it was called applied', () => {
    expect(isContradicted(item('not-applied', 800), from(801))).toBe(false);
    expect(isContradicted(item('applied', 800), from(800))).toBe(false);
    expect(isContradicted(item(null, null), from(800))).toBe(false);
  });
});
