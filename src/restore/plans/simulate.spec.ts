import fc from 'fast-check';
import type { PlannedChange } from '../../shops/shop-adapter.js';
import { counterRefs, simulate, type Claimant, type CounterRow } from './simulate.js';

function wants(orderId: string, amount: number, placedAt: string | null = null): Claimant {
  const move: PlannedChange = {
    do: 'move',
    table: 's.stock',
    key: ['mug'],
    column: 'allocated',
    amount: String(amount),
    minimum: 0,
    maximum: 'on_hand',
  };
  return { itemId: `item-${orderId}`, orderId, placedAt, changes: [move] };
}

function stock(onHand: number, allocated: number): CounterRow {
  const image = { on_hand: String(onHand), allocated: String(allocated) };
  return { table: 's.stock', key: ['mug'], image };
}

const losersOf = (claimants: readonly Claimant[], counter: CounterRow) =>
  simulate(claimants, [counter]).map((loser) => loser.itemId);

describe('a plan as a whole', () => {
  it('says which three of ten orders lose when they want seven units', () => {
    const orders = Array.from({ length: 10 }, (_, index) =>
      wants(String(10 - index), 1, `2026-01-${String(10 + index)}T00:00:00Z`),
    );
    expect(losersOf(orders, stock(20, 13))).toEqual(['item-3', 'item-2', 'item-1']);
  });

  it('breaks a tie by order id, numbers by their value', () => {
    expect(losersOf([wants('10', 1), wants('9', 1)], stock(1, 0))).toEqual(['item-10']);
  });

  it('gives a later, smaller order what an earlier one could not use', () => {
    const orders = [wants('1', 5, '2026-01-01'), wants('2', 2, '2026-01-02')];
    expect(losersOf(orders, stock(10, 7))).toEqual(['item-1']);
  });

  it('names the rule, the wish and what there is', () => {
    const [loser] = simulate([wants('1', 5)], [stock(10, 7)]);
    expect(loser?.detail).toBe(
      'wants s.stock.allocated of mug moved by 5, where it would be 12, and there are 10 (oldest placed first, then by order id)',
    );
  });

  it('refuses what would fall below the least', () => {
    expect(losersOf([wants('1', -3)], stock(10, 2))).toEqual(['item-1']);
  });

  it('refuses when the counter is gone', () => {
    expect(losersOf([wants('1', 1)], { ...stock(1, 0), image: null })).toEqual(['item-1']);
  });

  it('asks for each counter once', () => {
    expect(counterRefs([wants('1', 1), wants('2', 1)])).toEqual([
      { table: 's.stock', key: ['mug'] },
    ]);
  });

  it('never lets winners take more than there is, and no loser could still be served', () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 });
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: 30 }), (wanted, free) => {
        const claimants = wanted.map((amount, index) => wants(String(index), amount));
        const losers = new Set(losersOf(claimants, stock(free, 0)));
        let taken = 0;
        wanted.forEach((amount, index) => {
          const lost = losers.has(`item-${index}`);
          expect(lost).toBe(taken + amount > free);
          if (!lost) taken += amount;
        });
        expect(taken).toBeLessThanOrEqual(free);
      }),
    );
  });
});
