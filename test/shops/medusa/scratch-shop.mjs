/** A shop on a database that exists only as long as it is needed. */
import { startScratchShop } from '../common/scratch-shop.mjs';
import { openShop } from './scenarios.mjs';
import { spawnMedusa } from './spawn-medusa.mjs';

/** Starts Medusa on a database of its own; see `startScratchShop`. */
export function openScratchShop({ serverUrl }) {
  return startScratchShop({ kind: 'medusa', serverUrl, spawn: spawnMedusa, openShop });
}

/** Calls `use` with such a shop and takes it away again, whatever happened. */
export async function withScratchShop(options, use) {
  const shop = await openScratchShop(options);
  try {
    return await use(shop);
  } finally {
    await shop.close();
  }
}
