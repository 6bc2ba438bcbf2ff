import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { IncidentService } from '../../incidents/incident.service.js';
import { Database } from '../../platform/database/database.js';
import { decodeCursor, pageOf, type Page, type PageQuery } from '../../platform/http/page.js';
import { titleOf } from '../definition.js';
import type { RunbookRunDetail, RunbookRunView } from '../runbook.schema.js';
import { missingRunbookRun } from './run-control.service.js';
import { currentStep, type RunbookStep } from './run.js';
import { RunbookRunStore, type RunbookRunRow } from './run.store.js';

/** Shows runs and how far they are. */
@Injectable()
export class RunbookRunViewService {
  constructor(
    private readonly database: Database,
    private readonly store: RunbookRunStore,
    private readonly incidents: IncidentService,
  ) {}

  async view(runId: string): Promise<RunbookRunDetail> {
    const run = await this.store.read(this.database, runId);
    if (run === undefined) throw missingRunbookRun(runId);
    const steps = await this.store.steps(this.database, runId);
    return { ...viewOf(run, steps), text: run.text, steps: steps.map(stepView) };
  }

  /** Newest first. */
  async pageOfIncident(incidentId: string, query: PageQuery): Promise<Page<RunbookRunView>> {
    await this.incidents.get(incidentId);
    const found = await this.store.ofIncident(this.database, {
      incidentId,
      beforeNumber: decodeCursor(query.cursor, z.int()),
      limit: query.limit + 1,
    });
    const page = pageOf(found, query.limit, ({ number }) => number);
    const items = await Promise.all(
      page.items.map(async (run) => viewOf(run, await this.store.steps(this.database, run.id))),
    );
    return { ...page, items };
  }
}

function viewOf(run: RunbookRunRow, steps: readonly RunbookStep[]): RunbookRunView {
  const isOver = run.endedAt !== null;
  const step = isOver ? undefined : currentStep(run, steps);
  const { id, number, incidentId, shopId, runbook, textHash, dryRun, assumptions, state } = run;
  return {
    ...{ id, number, incidentId, shopId, runbook, textHash, dryRun, state },
    assumptions: { ...assumptions },
    ...{ step: step?.name ?? null, waitsFor: step?.waitsFor ?? null, words: step?.words ?? null },
    ...{ startedBy: run.startedByName, startedAt: run.startedAt },
    ...{ actsFor: run.actsForName, endedAt: run.endedAt },
  };
}

function stepView(step: RunbookStep): RunbookRunDetail['steps'][number] {
  const { name, definition, state, attempts, waitsFor, reason, words, evidence } = step;
  const { result, begunAt, endedAt } = step;
  return {
    ...{ name, kind: definition.kind, title: titleOf(definition), state, attempts, waitsFor },
    ...{ reason, words, evidence, result, begunAt, endedAt },
  };
}
