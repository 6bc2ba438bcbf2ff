import { Injectable } from '@nestjs/common';
import type { Caller } from '../../access/caller.js';
import type { Case } from '../../incidents/case.js';
import { CaseService } from '../../incidents/case.service.js';
import { Fault } from '../../platform/errors.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import type { Bleeding } from '../bleeding.js';
import { BleedingService } from '../bleeding.service.js';
import { incidentResolvedFault } from '../incident-resolved.js';
import { PlanBuilder } from './plan-builder.js';
import { PlanWriter } from './plan-writer.js';
import { IncidentService } from '../../incidents/incident.service.js';

/** Cases read at once. */
const pageSize = 500;

/** Who only looks is not kept waiting. */
const lookPatienceMs = 1_000;

/** Case states in which an order waits for somebody to do something about it. */
const waitingStates = ['open', 'planned', 'person'] as const;

/** Which orders a plan is for: all wrongful ones that wait, or chosen cases. */
export interface PlanRequest {
  readonly incidentId: string;
  readonly caseIds: readonly string[] | null;
}

/** Proposes restore plans. Nothing is written to a shop by it. */
@Injectable()
export class PlanService {
  constructor(
    private readonly builder: PlanBuilder,
    private readonly writer: PlanWriter,
    private readonly incidents: IncidentService,
    private readonly cases: CaseService,
    private readonly shops: ShopRegistry,
    private readonly bleedings: BleedingService,
  ) {}

  /**
   * A plan for all wrongful cases of an incident, or for chosen ones. An unsure case is only reopened
   * when it is chosen alone; an intended one never. Gives the plan's id. Under a `planId` of the caller's
   * it is proposed once: where there is a plan of that id, nothing is done.
   */
  async propose(
    caller: Caller,
    request: PlanRequest & { readonly planId?: string },
  ): Promise<string> {
    const { planId } = request;
    if (planId !== undefined && (await this.writer.isWritten(planId))) return planId;
    const { shop, incident, items } = await this.build(request);
    return this.writer.write({
      shop,
      ...(planId !== undefined && { planId }),
      incidentId: incident.id,
      action: 'restore',
      undoesRunId: null,
      items,
      caller,
    });
  }

  /** How many orders a plan would set back, and how many leave to a person; nothing is written down. */
  async preview(request: PlanRequest): Promise<{ reopen: number; person: number }> {
    const { items } = await this.build(request);
    const reopen = items.filter(({ disposition }) => disposition === 'reopen').length;
    return { reopen, person: items.length - reopen };
  }

  /** Whether the incident's harm has stopped; asked without patience. */
  async bleeding(incidentId: string): Promise<Bleeding> {
    const incident = await this.incidents.get(incidentId);
    const shop = this.shops.get(incident.shopId);
    return this.bleedings.judge({
      incidentId,
      shopId: shop.id,
      adapter: shop.adapter,
      settleMs: shop.profile.cancellation.settle,
      patienceMs: lookPatienceMs,
    });
  }

  private async build(request: PlanRequest) {
    const incident = await this.incidents.get(request.incidentId);
    if (incident.status === 'resolved') throw incidentResolvedFault(incident);
    const shop = this.shops.get(incident.shopId);
    const cases = await this.casesOf(request);
    const namedSingly = request.caseIds?.length === 1;
    return { incident, shop, items: await this.builder.build({ shop, cases, namedSingly }) };
  }

  private async casesOf(request: PlanRequest): Promise<Case[]> {
    const all = await this.allCases(request.incidentId, request.caseIds === null);
    const chosen =
      request.caseIds === null ? all : all.filter((one) => request.caseIds?.includes(one.id));
    const missing = request.caseIds?.find((caseId) => !chosen.some((one) => one.id === caseId));
    if (missing !== undefined)
      throw new Fault('missing', 'case-unknown', `the incident has no case ${missing}`);
    if (chosen.length === 0)
      throw new Fault(
        'conflict',
        'nothing-to-restore',
        'no wrongful case of the incident waits to be restored; choose cases to restore others',
      );
    return chosen;
  }

  private async allCases(incidentId: string, onlyWaitingWrongful: boolean): Promise<Case[]> {
    const found: Case[] = [];
    for (;;) {
      const last = found.at(-1);
      const page = await this.cases.list({
        incidentId,
        states: onlyWaitingWrongful ? waitingStates : null,
        verdicts: onlyWaitingWrongful ? ['wrongful'] : null,
        after: last === undefined ? null : { createdAt: last.createdAt, id: last.id },
        limit: pageSize,
      });
      found.push(...page);
      if (page.length < pageSize) return found;
    }
  }
}

export function missingPlan(planId: string): Fault {
  return new Fault('missing', 'plan-unknown', `there is no restore plan ${planId}`);
}
