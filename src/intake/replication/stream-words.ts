import type { MappingMismatch } from './interpret/draft-image.js';
import { StreamReplaced } from './replication.store.js';
import type { StreamedShop } from './streamed-shop.js';

/** Until then nobody knows what rows of these tables were before they changed. */
export function readAnew(tables: readonly string[]): string {
  return `${tables.join(', ')} was not published for a while, and is read anew now`;
}

/** Nothing is lost meanwhile, and what is kept is interpreted as soon as it fits. */
export function keptUntilMended(mismatch: MappingMismatch): string {
  return `${mismatch.message}: changes are kept as they come; mend the profile and restart, or mend the table and attach the shop again`;
}

/** Nobody will make the profile fit both. */
export const unreadable =
  'the tables fit the profile, and what was kept while they did not fits neither it nor them';

/** Whatever was under way is another's by now. */
export function replaced({ shopId }: Pick<StreamedShop, 'shopId'>): StreamReplaced {
  return new StreamReplaced(`the stream of ${shopId} is another one, or another process’s, by now`);
}

/** From here on it is said how full the spool is: there is still time. */
const nearShare = 0.8;

/** Why changes are kept, and how much room there still is where that gets scarce. */
export function withRoom(why: string, share: number): string {
  if (share < nearShare) return why;
  const percent = Math.floor(share * 100);
  return `${why}. The room for them is taken up by ${percent} %: at 100 % the shop holds its log back`;
}

/** Whether a signal was aborted, asked anew: meanwhile that may have changed. */
export function isOver({ aborted }: AbortSignal): boolean {
  return aborted;
}
