import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import { Database } from '../../platform/database/database.js';
import { Fault } from '../../platform/errors.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import { PlanWriter } from '../plans/plan-writer.js';
import { UndoBuilder } from '../plans/undo-builder.js';
import { missingRun } from './run-control.service.js';
import { RunItemStore } from './run-item.store.js';
import { RunStore } from './run.store.js';

/** Proposes to take a run back: a plan like any other, with its approval and its run. */
@Injectable()
export class UndoService {
  constructor(
    private readonly database: Database,
    private readonly runs: RunStore,
    private readonly items: RunItemStore,
    private readonly shops: ShopRegistry,
    private readonly builder: UndoBuilder,
    private readonly writer: PlanWriter,
  ) {}

  /** Gives the id of the undo plan. */
  async propose(caller: Caller, runId: string): Promise<string> {
    const run = await this.runs.read(this.database, runId);
    if (run === undefined) throw missingRun(runId);
    if (run.action === 'undo')
      throw new Fault(
        'conflict',
        'run-is-undo',
        'an undo is not undone; propose a new restore plan instead',
      );
    if (run.state === 'running' || run.state === 'paused')
      throw new Fault(
        'conflict',
        'run-not-ended',
        `the run is ${run.state}; stop it before it is taken back`,
      );
    const restored = await this.items.inStates(this.database, run.id, ['verified']);
    if (restored.length === 0)
      throw new Fault(
        'conflict',
        'nothing-to-undo',
        'no order of the run is restored and verified',
      );
    const shop = this.shops.get(run.shopId);
    return this.writer.write({
      shop,
      incidentId: run.incidentId,
      action: 'undo',
      undoesRunId: run.id,
      items: await this.builder.build(shop, restored),
      caller,
    });
  }
}
