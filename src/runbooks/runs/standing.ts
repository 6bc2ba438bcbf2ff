import { stepFailures } from '../step.js';

/** How a run that has not ended stands: `waiting` for a person's answer or approval, `stopped` for a failed step. */
export interface RunStanding {
  readonly state: 'running' | 'waiting' | 'paused' | 'stopped';
  /** what it waits for, or why it has stopped; empty where it runs or is paused */
  readonly cause: string;
}

/** Every way in which a run can stand; `nobody-acts`: whoever it ran for may not act any more. */
export const runStandings: readonly RunStanding[] = [
  { state: 'running', cause: '' },
  { state: 'paused', cause: '' },
  { state: 'waiting', cause: 'answer' },
  { state: 'waiting', cause: 'approval' },
  ...[...stepFailures, 'nobody-acts'].map((cause) => ({ state: 'stopped', cause }) as const),
];
