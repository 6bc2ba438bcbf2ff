import { delayBench } from './delay/delay-bench.js';
import type { Bench } from './figure.js';
import { httpBench } from './http/http-bench.js';
import { replicationBench } from './replication/replication-bench.js';
import { restoreBench } from './restore/restore-bench.js';
import { sizeBench } from './size/size-bench.js';
import { walBench } from './wal/wal-bench.js';

/** Everything that is measured, in the order in which it is. */
export const benches: readonly Bench[] = [
  delayBench,
  replicationBench,
  httpBench,
  restoreBench,
  walBench,
  sizeBench,
];
