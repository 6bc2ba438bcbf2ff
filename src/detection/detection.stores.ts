import { Injectable } from '@nestjs/common';
import { DetectorStateStore } from './detector-state.store.js';
import { FindingStore } from './finding.store.js';
import { StreamTimeStore } from './stream-time.store.js';

/** The tables that watching a shop reads and writes. */
@Injectable()
export class DetectionStores {
  constructor(
    readonly states: DetectorStateStore,
    readonly findings: FindingStore,
    readonly streams: StreamTimeStore,
  ) {}
}
