/** Waits until `look` gives something, looking again every `everyMs`; fails in words after `timeoutMs`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { timeoutMs, everyMs = 50 }: { timeoutMs: number; everyMs?: number },
): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUpAt)
      throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await pause(everyMs);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** All pages of a list. */
export async function allOf<Item>(
  client: { get<T>(path: string): Promise<T> },
  path: string,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: { items: readonly Item[]; nextCursor: string | null } = await client.get(
      `${path}${path.includes('?') ? '&' : '?'}limit=500${from}`,
    );
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}
