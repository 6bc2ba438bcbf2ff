import { Injectable } from '@nestjs/common';
import { WorkQueues } from '../platform/work/work-queues.js';
import { DetectorStateStore } from './detector-state.store.js';

/** The queue of the step `detection`: journal entries that no detector has read yet. */
@Injectable()
export class DetectionRowMetrics {
  constructor(queues: WorkQueues, states: DetectorStateStore) {
    queues.show('detection', (reader) => states.waiting(reader));
  }
}
