/** A shop on a database that exists only as long as it is needed. */
import { startScratchShop } from '../common/scratch-shop.mjs';
import { openShop } from './scenarios.mjs';
import { spawnVendure } from './spawn-vendure.mjs';

/** Starts Vendure on a database of its own; see `startScratchShop`. */
export function openScratchShop({ serverUrl }) {
  return startScratchShop({ kind: 'vendure', serverUrl, spawn: spawnVendure, openShop });
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
