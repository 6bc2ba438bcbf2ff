import type { Facts } from './changes.js';
import { Check } from './check.js';
import { rowsOf } from './order-index.js';
import type { CheckResult } from './proof-input.js';
import { stockHeldBy } from './restored-orders.js';
import type { Row } from './snapshot.js';

/** Orders in these states hold stock in their warehouse. */
const OPEN_STATUSES: readonly (string | null | undefined)[] = [
  'pending_payment',
  'paid',
  'picking',
];

interface Line {
  orderId: string;
  lineId: string;
  /** product/warehouse: the key of its stock row. */
  stockKey: string;
  /** What the line wants held by its order's status and its quantity. */
  wanted: number;
  /** What the ledger of movements says is held. */
  held: number;
}

/** What is held for orders equals what the open orders' lines add up to, for every stock row. */
export function checkStockCounters(facts: Facts): CheckResult {
  const check = new Check('stock counters equal the open orders');
  const wanted = new Map<string, number>();
  for (const line of linesOf(facts)) {
    // A cancelled order that waits for a person keeps what the ledger says it still holds.
    const quantity = isLeftHarmed(facts, line.orderId) ? line.held : line.wanted;
    wanted.set(line.stockKey, (wanted.get(line.stockKey) ?? 0) + quantity);
  }
  compareStock(check, facts, { column: 'allocated', wanted, by: 'open orders want' });
  return check.result();
}

/** The goods on the shelves are those received and not shipped. */
export function checkStockOnHand(facts: Facts): CheckResult {
  const check = new Check('stock on hand equals its movements');
  const moved = new Map<string, number>();
  for (const movement of rowsOf(facts.input.after, 'shop.stock_movement').values()) {
    const key = stockKeyOf(movement['product_id'], movement['warehouse']);
    moved.set(key, (moved.get(key) ?? 0) + onHandBy(movement));
  }
  compareStock(check, facts, { column: 'on_hand', wanted: moved, by: 'movements say' });
  return check.result();
}

/** Every stock row that there is, was, or ought to be. */
function compareStock(
  check: Check,
  { input: { before, after } }: Facts,
  { column, wanted, by }: { column: string; wanted: ReadonlyMap<string, number>; by: string },
): void {
  const rows = rowsOf(after, 'shop.stock');
  for (const key of new Set([
    ...rowsOf(before, 'shop.stock').keys(),
    ...rows.keys(),
    ...wanted.keys(),
  ])) {
    const [is, sum] = [rows.get(key)?.[column], wanted.get(key) ?? 0];
    check.expect(
      is === String(sum),
      () => `shop.stock ${key}: ${column} is ${is ?? 'gone'}, ${by} ${sum}`,
    );
  }
}

/** For each line, allocated minus released minus shipped is what the line wants, no more or less. */
export function checkStockLedger(facts: Facts): CheckResult {
  const check = new Check('stock movements net to the open quantity');
  for (const line of linesOf(facts)) {
    if (isLeftHarmed(facts, line.orderId)) continue;
    check.expect(
      line.held === line.wanted,
      () =>
        `order ${line.orderId}, line ${line.lineId}: ` +
        `movements hold ${line.held}, the line wants ${line.wanted}`,
    );
  }
  return check.result();
}

/** Harmed by the job and not restored: what it holds is judged by "victims", not here. */
function isLeftHarmed({ struck, restored }: Facts, orderId: string): boolean {
  return struck.has(orderId) && !restored.has(orderId);
}

function linesOf({ input: { after } }: Facts): Line[] {
  const held = new Map<string, number>();
  for (const movement of rowsOf(after, 'shop.stock_movement').values()) {
    const line = movement['order_line_id'];
    if (line === null || line === undefined) continue;
    held.set(line, (held.get(line) ?? 0) + stockHeldBy(movement));
  }
  const orders = rowsOf(after, 'shop.orders');
  return [...rowsOf(after, 'shop.order_line')].map(([lineId, line]) => {
    const orderId = line['order_id'] ?? '';
    const order = orders.get(orderId);
    const isOpen = OPEN_STATUSES.includes(order?.['status']);
    return {
      orderId,
      lineId,
      stockKey: stockKeyOf(line['product_id'], order?.['warehouse']),
      wanted: isOpen ? Number(line['quantity']) : 0,
      held: held.get(lineId) ?? 0,
    };
  });
}

function onHandBy({ kind, quantity }: Row): number {
  if (kind === 'RECEIPT') return Number(quantity);
  return kind === 'SHIP' ? -Number(quantity) : 0;
}

function stockKeyOf(
  product: string | null | undefined,
  warehouse: string | null | undefined,
): string {
  return `${product ?? '?'}/${warehouse ?? '?'}`;
}
