import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { TimelineService } from '../../incidents/timeline.service.js';
import { Clock } from '../../platform/clock.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import type { Plan } from '../plans/plan.js';
import type { StartRefusal } from './run-start.js';
import type { Scene } from './scene-look.js';

/** Writes down that a restore was refused, and tells the caller with the numbers. */
@Injectable()
export class RefusalLog {
  constructor(
    private readonly database: Database,
    private readonly timeline: TimelineService,
    private readonly clock: Clock,
  ) {}

  /** Gives the fault to be thrown. */
  async refuse(given: {
    plan: Plan;
    refusal: StartRefusal;
    scene: Scene;
    caller: Caller;
  }): Promise<Fault> {
    const { plan, refusal, scene, caller } = given;
    await this.database.transaction((transaction) =>
      this.timeline.append(transaction, {
        incidentId: plan.incidentId,
        at: this.clock.now(),
        type: 'restore-refused',
        personId: caller.personId,
        data: { planId: plan.id, reason: refusal.code, words: refusal.words },
      }),
    );
    const kind = refusal.code === 'override-not-allowed' ? 'forbidden' : 'conflict';
    const { bleeding } = scene;
    const data = refusal.code === 'still-bleeding' && bleeding !== undefined ? { bleeding } : {};
    return new Fault(kind, refusal.code, refusal.words, { data });
  }
}
