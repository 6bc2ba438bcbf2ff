import type { RunbookRun, RunbookStep } from './run.js';

/** How timeline entries name a run. */
export function runNamed(run: Pick<RunbookRun, 'id' | 'number' | 'runbook' | 'dryRun'>) {
  const { id: runbookRunId, number: runbookRunNumber, runbook, dryRun } = run;
  return { runbookRunId, runbookRunNumber, runbook, dryRun };
}

/** How they name a step of it. */
export function stepNamed(
  run: Pick<RunbookRun, 'id' | 'number' | 'runbook' | 'dryRun'>,
  step: Pick<RunbookStep, 'name' | 'definition'>,
) {
  return { ...runNamed(run), step: step.name, kind: step.definition.kind };
}
