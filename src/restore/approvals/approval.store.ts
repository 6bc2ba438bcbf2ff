import { Injectable } from '@nestjs/common';
import type { Reader, Transaction } from '../../platform/database/database.js';
import type { Approval } from './approval.js';

@Injectable()
export class ApprovalStore {
  async insert(
    transaction: Transaction,
    approval: Omit<Approval, 'person' | 'mayApprove'>,
  ): Promise<void> {
    await transaction.query(
      `INSERT INTO restore_approval (id, plan_id, plan_hash, person_id, decision, break_glass, reason, at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        approval.id,
        approval.planId,
        approval.planHash,
        approval.personId,
        approval.decision,
        approval.breakGlass,
        approval.reason,
        approval.at,
        approval.expiresAt,
      ],
    );
  }

  /** Oldest first, with whether their persons may approve at `now`. */
  async ofPlan(
    reader: Reader,
    { planId, now }: { planId: string; now: Date },
  ): Promise<Approval[]> {
    return reader.query<Approval>(
      `SELECT a.id, a.plan_id AS "planId", a.plan_hash AS "planHash", a.person_id AS "personId", p.name AS person,
              a.decision, a.break_glass AS "breakGlass", a.reason, a.at, a.expires_at AS "expiresAt",
              p.disabled_at IS NULL AND EXISTS (
                SELECT FROM access_token t WHERE t.person_id = p.id AND t.role IN ('approver', 'admin')
                  AND t.revoked_at IS NULL AND t.expires_at > $2) AS "mayApprove"
       FROM restore_approval a JOIN person p ON p.id = a.person_id WHERE a.plan_id = $1 ORDER BY a.at, a.id`,
      [planId, now],
    );
  }
}
