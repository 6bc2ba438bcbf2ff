/** The background step that takes runs on; whoever has something for it wakes it. */
export const runbookRunStep = 'runbook-run';
