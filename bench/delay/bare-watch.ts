import { follow, isChange } from '../replication/bare-client.js';
import { bareSlot, makeBareSlot } from '../replication/slots.js';
import type { BenchShop } from '../setting/bench-shop.js';
import type { Endings } from '../setting/endings.js';
import type { PageDesk } from './page-desk.js';

/**
 * The plainest watch there can be: reads a slot, counts orders that are cancelled, and posts when it has seen
 * enough. Also the clock of the bench: it knows the moment at which the shop's server committed each of them.
 */
export class BareWatch {
  private commits: number[] = [];
  private wanted = Infinity;
  private isCancelling = false;

  private constructor(private readonly desk: PageDesk) {}

  static async begin(given: {
    shop: BenchShop;
    desk: PageDesk;
    endings: Endings;
    publication: string;
  }): Promise<BareWatch> {
    const { shop, desk, endings, publication } = given;
    await makeBareSlot(shop);
    const watch = new BareWatch(desk);
    const url = shop.credentials.replicate;
    const { ended, stop } = follow({ url, slot: bareSlot, publication }, (message) => {
      if (isChange(message) && 'relation' in message)
        watch.isCancelling ||= message.relation.name === 'order_history';
      if (message.tag === 'commit') watch.committed(Number(message.commitTime));
    });
    ended.catch(() => undefined);
    endings.add(stop);
    return watch;
  }

  /** Begins to count anew; posts at that many. */
  arm(wanted: number): void {
    this.commits = [];
    this.wanted = wanted;
  }

  /** When the cancellations since were committed, in milliseconds since 1970. */
  get committedAt(): readonly number[] {
    return this.commits;
  }

  private committed(microseconds: number): void {
    const counts = this.isCancelling;
    this.isCancelling = false;
    if (!counts) return;
    this.commits.push(microseconds / 1000);
    if (this.commits.length !== this.wanted) return;
    // who misses it notices: the episode has no page then
    fetch(this.desk.url('bare'), { method: 'POST', body: '{}' }).catch(() => undefined);
  }
}
