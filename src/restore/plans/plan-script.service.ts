import { Injectable } from '@nestjs/common';
import { AuditService } from '../../access/audit.service.js';
import type { Caller } from '../../access/caller.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { newId } from '../../platform/ids.js';
import { BreakGlass } from '../break-glass.js';
import { StartGate } from '../runs/start-gate.js';
import { PlanScript } from './plan-script.js';

export interface ScriptRequest {
  readonly planId: string;
  /** takes it although matching cancellations still come; paged loudly */
  readonly override: { readonly reason: string } | null;
}

/**
 * Gives a plan out as a script. Whoever takes it may run it at once, so that it is given under the rules of
 * a run's start: an armed shop, no kill switch, no bleeding, approvals of others than who takes it.
 */
@Injectable()
export class PlanScriptService {
  constructor(
    private readonly database: Database,
    private readonly gate: StartGate,
    private readonly script: PlanScript,
    private readonly glass: BreakGlass,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** @throws Fault with one of `startRefusals`, which also stands on the timeline */
  async give(caller: Caller, { planId, override }: ScriptRequest): Promise<string> {
    const passed = await this.gate.pass(caller, { planId, hash: null, override });
    const { plan, bleedingOverride } = passed;
    const script = await this.script.of(plan);
    const at = this.clock.now();
    await this.database.transaction(async (transaction) => {
      if (bleedingOverride !== null)
        await this.glass.tell(transaction, {
          plan,
          caller,
          deed: `took the SQL of restore plan ${plan.number} although it still bleeds`,
          reason: bleedingOverride,
          key: `script/${newId()}`,
          at,
        });
      await this.audit.record(transaction, {
        caller,
        at,
        action: 'restore-plan.script-given',
        subjectKind: 'restore-plan',
        subjectId: plan.id,
        data: { hash: plan.hash, bleedingOverride },
      });
    });
    return script;
  }
}
