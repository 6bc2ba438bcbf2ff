import { Injectable } from '@nestjs/common';
import { CaseService } from '../../incidents/case.service.js';
import type { Incident } from '../../incidents/incident.js';
import type { Step } from '../definition.js';
import { namesIn, type Values } from '../placeholders.js';
import type { StepResult } from '../step.js';
import type { RunbookRun } from './run.js';

/** A check looks at so many of the incident's orders at most. */
const ordersMax = 1_000;

/** Works out what `{{ }}` stands for in a run. */
@Injectable()
export class StepValues {
  constructor(private readonly cases: CaseService) {}

  /** The orders are looked up only where the step asks for them: those that are wrongful. */
  async of(given: {
    run: RunbookRun;
    incident: Incident;
    step: Step;
    results: ReadonlyMap<string, StepResult>;
  }): Promise<Values> {
    const { run, incident, step, results } = given;
    const answers = [...results].flatMap(([name, { answer }]): [string, string][] =>
      answer === undefined ? [] : [[`answers.${name}`, answer]],
    );
    return new Map<string, string | readonly string[]>([
      ['incident.id', incident.id],
      ['incident.number', String(incident.number)],
      ['incident.opened_at', incident.openedAt.toISOString()],
      ['shop.id', run.shopId],
      ['run.id', run.id],
      ...(asksForOrders(step) ? [['orders', await this.orders(incident.id)] as const] : []),
      ...answers,
    ]);
  }

  private async orders(incidentId: string): Promise<string[]> {
    const found = await this.cases.list({
      ...{ incidentId, states: null, verdicts: ['wrongful'], after: null, limit: ordersMax },
    });
    return found.map(({ orderId }) => orderId);
  }
}

function asksForOrders(step: Step): boolean {
  return namesIn(JSON.stringify(step)).includes('orders');
}
