import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import { cancelLine, openLines } from '../shop/cancel-line.js';
import { cancelOrder } from '../shop/cancel-order.js';
import type { Actor } from '../shop/history.js';
import { lockOrder } from '../shop/orders.js';
import { inTransaction, type Outcome, type Transaction } from '../shop/transaction.js';
import { transactionId, type Struck } from './struck.js';

/** Between two transactions of the bot, whichever orders they are about. */
const BETWEEN_LINES_MS = 90;
/** In a strike at so many orders the last one of several lines is left without its last line cancelled. */
export const LEFT_HALF_WAY_OF = 4;

/** One order in the bot's hands. */
interface Victim {
  readonly struck: Struck;
  /** what it still means to cancel; after the last line comes the order itself */
  readonly lineIds: string[];
}

type Act = Readonly<{ orderId: string; lineId: string | undefined }>;

/**
 * A bot that cancels line by line, each in a transaction of its own, and the order itself after its last
 * line. It works on all orders of a strike at once, a line of each in turn; one of many it never ends.
 */
export class LineByLineBot {
  constructor(
    private readonly pool: Pool,
    private readonly who: { actor: Actor; reason: string },
  ) {}

  async strike(orderIds: readonly string[]): Promise<Struck[]> {
    const victims: Victim[] = [];
    for (const orderId of orderIds) victims.push(await this.#look(orderId));
    const halfWay =
      victims.length < LEFT_HALF_WAY_OF
        ? undefined
        : victims.findLast(({ lineIds }) => lineIds.length > 1);
    let inHand = victims;
    while (inHand.length > 0) {
      const next: Victim[] = [];
      for (const victim of inHand) {
        const goesOn = await this.#turn(victim);
        if (goesOn && !(victim === halfWay && victim.lineIds.length === 1)) next.push(victim);
        await pause(BETWEEN_LINES_MS);
      }
      inHand = next;
    }
    return victims.map(({ struck }) => struck);
  }

  async #look(orderId: string): Promise<Victim> {
    const lineIds = await inTransaction(this.pool, (tx) => openLines(tx, orderId));
    return { struck: { orderId, cancelled: false, transactions: [] }, lineIds };
  }

  /** One transaction; whether there is more to do for this order. */
  async #turn({ struck, lineIds }: Victim): Promise<boolean> {
    const lineId = lineIds.shift();
    try {
      const transaction = await this.#write({ orderId: struck.orderId, lineId });
      if (transaction === null) return false;
      struck.transactions.push(transaction);
      struck.cancelled = lineId === undefined;
      return lineId !== undefined;
    } catch (error) {
      struck.error = error;
      return false;
    }
  }

  /** The transaction's id; null where somebody else has changed the order's status meanwhile. */
  async #write(act: Act): Promise<string | null> {
    return inTransaction(this.pool, async (tx) => {
      const order = await lockOrder(tx, act.orderId);
      if (order?.status !== 'paid') return null;
      const outcome = await this.#cancel(tx, act);
      return outcome.done ? transactionId(tx) : null;
    });
  }

  #cancel(tx: Transaction, { orderId, lineId }: Act): Promise<Outcome> {
    return lineId === undefined
      ? cancelOrder(tx, { orderId, ...this.who })
      : cancelLine(tx, { orderId, lineId, ...this.who });
  }
}
