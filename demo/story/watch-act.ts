import type { StreamStatus } from './api-types.js';
import { shopId, type Stage } from './stage.js';
import { count, teller } from './teller.js';
import { pause, until } from './waiting.js';

const warmUpMs = 6_000;

/** Reinstate attaches to the shop, reads it once, follows its changes, and watches a quiet while. */
export async function watchTheShop(stage: Stage): Promise<void> {
  teller.chapter('Reinstate watches the shop');
  await stage.admin.post(`/shops/${shopId}/attach`, { credential: stage.credentials.attach });
  const status = await until(
    'the stream',
    async () => {
      const seen = await stage.admin.get<StreamStatus>(`/shops/${shopId}/status`);
      return seen.state === 'streaming' ? seen : undefined;
    },
    { timeoutMs: 60_000 },
  );
  teller.say(
    `attached by logical replication: ${count(status.snapshotRows, 'row')} read once, now every change as it is committed`,
  );
  teller.say('it only watches: nothing can be written to the shop until an admin arms it');
  await pause(warmUpMs);
  const { lagBytes } = await stage.admin.get<StreamStatus>(`/shops/${shopId}/status`);
  teller.say(`a quiet while: nothing raised, ${count(lagBytes ?? 0, 'byte')} behind the shop`);
}
