/**
 * Works on several things of a background step side by side: the trouble of one is told only after all the
 * others have had their turn. `more` where one of them has more to do at once.
 */
export async function separately<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<boolean>,
): Promise<'idle' | 'more'> {
  const results = await Promise.allSettled(items.map(work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.some((result) => result.status === 'fulfilled' && result.value) ? 'more' : 'idle';
}
