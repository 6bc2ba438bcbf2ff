import type { FaultReport } from '../faults/fault-report.js';
import { prove } from '../proof/prove.js';
import type { PlannedRow, ProofReport } from '../proof/proof-input.js';
import { takeSnapshot } from '../proof/snapshot.js';
import type { Case, TimelineEntry } from './api-types.js';
import type { Failure } from './failure-act.js';
import type { Restored } from './restore-act.js';
import type { Stage } from './stage.js';
import { teller } from './teller.js';
import { allOf } from './waiting.js';

/** Compares the shop's whole database before the failure and after the restore; true where the proof holds. */
export async function proveIt(
  stage: Stage,
  story: { failure: Failure; fault: FaultReport; restored: Restored },
): Promise<boolean> {
  teller.chapter('The proof');
  await stage.shop.stopTraffic();
  const after = await takeSnapshot(stage.shop.ready.databaseUrl);
  const cases = await allOf<Case>(stage.robin, `/incidents/${story.failure.incidentId}/cases`);
  const restored = cases.filter(({ state }) => state === 'restored').map(({ orderId }) => orderId);
  const report = prove({
    before: story.failure.before,
    after,
    writeRole: stage.shop.ready.writeRole,
    plan: plannedRows(story.restored),
    restored,
    leftToPeople: story.fault.cancelled
      .map(({ orderId }) => orderId)
      .filter((id) => !restored.includes(id)),
    fault: story.fault,
  });
  return tell(report, { struck: story.fault.cancelled.length, restored: restored.length });
}

function plannedRows({ items }: Restored): PlannedRow[] {
  return items
    .filter(({ disposition }) => disposition === 'reopen')
    .flatMap(({ orderId, changes }) =>
      changes.map(({ table, key }) => ({ table, key: key ?? null, orderId })),
    );
}

function tell(report: ProofReport, counts: { struck: number; restored: number }): boolean {
  for (const check of report.checks) {
    const line = `${check.name} (${check.examined} examined)`;
    if (check.holds) teller.good(line);
    else {
      teller.bad(`${line}: ${check.violationCount} violation(s)`);
      teller.list(check.violations);
    }
  }
  const all = counts.struck === counts.restored && counts.restored > 0;
  const words = `${counts.restored} of ${counts.struck} wrongly cancelled orders are back`;
  if (all) teller.good(words);
  else teller.bad(words);
  return report.holds && all;
}

/** The incident's timeline as a reviewer would read it; what befell single orders is counted, not listed. */
export async function tellTimeline(stage: Stage, incidentId: string): Promise<void> {
  teller.chapter('The timeline, for the review');
  const entries = await allOf<TimelineEntry>(stage.robin, `/incidents/${incidentId}/timeline`);
  const ofCases = entries.filter(({ caseId }) => caseId !== null);
  const ofIncident = entries.filter(({ caseId }) => caseId === null);
  teller.list(
    ofIncident.map(
      ({ at, type, person }) =>
        `${at.slice(11, 23)}  ${type}${person === null ? '' : ` by ${person}`}`,
    ),
  );
  const counted = Map.groupBy(ofCases, ({ type }) => type);
  teller.list([
    `and of single orders: ${[...counted].map(([type, of]) => `${of.length} x ${type}`).join(', ')}`,
  ]);
}
