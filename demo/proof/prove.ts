import { gatherFacts } from './changes.js';
import {
  checkOthersExplained,
  checkStructure,
  checkWriteLog,
  checkWritesPlanned,
} from './explanation-checks.js';
import { checkIntended, checkVictims } from './outcome-checks.js';
import type { ProofInput, ProofReport } from './proof-input.js';
import { checkAppendedOnce, checkRestoredValues } from './restored-orders.js';
import { checkStockCounters, checkStockLedger, checkStockOnHand } from './stock-checks.js';

/**
 * Compares the shop's whole database before the failure and after the restore, while its traffic
 * went on. Knows nothing of Reinstate but its write login, its plan and what it claims; and
 * nothing of the traffic but the ledger that it left in the shop.
 */
export function prove(input: ProofInput): ProofReport {
  const facts = gatherFacts(input);
  const checks = [
    checkWriteLog(facts),
    checkStructure(facts),
    checkVictims(facts),
    checkRestoredValues(facts),
    checkAppendedOnce(facts),
    checkStockCounters(facts),
    checkStockOnHand(facts),
    checkStockLedger(facts),
    checkIntended(facts),
    checkWritesPlanned(facts),
    checkOthersExplained(facts),
  ];
  return { holds: checks.every((check) => check.holds), checks };
}
