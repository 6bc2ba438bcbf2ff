import type { ShopMapping } from './interpret/shop-mapping.js';
import type { SourceTransaction } from './source/source-transaction.js';

/** Transactions of a shop that are written down together. */
export interface Batch {
  readonly shopId: string;
  readonly mapping: ShopMapping;
  readonly incarnation: string;
  /** of the shop's lease */
  readonly owner: string;
  /** mapped tables that were not published, so that nobody knows what became of their rows */
  readonly unseen: readonly string[];
  /** in commit order */
  readonly transactions: readonly SourceTransaction[];
}
