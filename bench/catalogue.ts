import { delayBench } from './delay/delay-bench.js';
import type { Bench } from './figure.js';
import { httpBench } from './http/http-bench.js';
import { replicationBench } from './replication/replication-bench.js';
import { restoreBench } from './restore/restore-bench.js';
import { incidentPageBench } from './service/incident-page-bench.js';
import { memoryBench } from './service/memory-bench.js';
import { metricsBench } from './service/metrics-bench.js';
import { startBench } from './service/start-bench.js';
import { sizeBench } from './size/size-bench.js';
import { walBench } from './wal/wal-bench.js';

/** Everything that is measured, in the order in which it is. */
export const benches: readonly Bench[] = [
  delayBench,
  replicationBench,
  httpBench,
  restoreBench,
  startBench,
  memoryBench,
  incidentPageBench,
  metricsBench,
  walBench,
  sizeBench,
];
