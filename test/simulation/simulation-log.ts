import type { LoggerService } from '@nestjs/common';
import { timelineTypes } from '../../src/incidents/timeline.js';

/** Errors of the log that the simulation brings about itself, by what they say. */
const foreseen = [
  'the simulated process died',
  'terminating connection due to administrator command',
  'nobody answers',
  'nobody can follow the shop',
];
/** And by their event: told to people as they should be. */
const foreseenEvents = new Set<string>(['page-lost', ...timelineTypes]);

/** Takes in what the service logs: an error that nothing drawn explains is a surprise. */
export class SimulationLog implements LoggerService {
  constructor(private readonly surprise: (line: string) => void) {}

  log(): void {
    // of no interest here
  }

  warn(): void {
    // of no interest here
  }

  error(...line: readonly unknown[]): void {
    const text = JSON.stringify(line);
    if (foreseen.some((words) => text.includes(words))) return;
    if ([...foreseenEvents].some((event) => text.includes(`"event":"${event}"`))) return;
    this.surprise(`logged as an error: ${text}`);
  }
}
