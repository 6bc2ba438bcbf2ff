import { Body, Controller, Get, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Caller } from '../../access/caller.js';
import { Idempotent } from '../../access/idempotency.interceptor.js';
import { CallerOf, Needs } from '../../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../../platform/http/openapi.js';
import { pageQuerySchema, type Page, type PageQuery } from '../../platform/http/page.js';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import type { Bleeding } from '../bleeding.js';
import {
  bleedingSchema,
  planSchema,
  proposalSchema,
  runSchema,
  type Proposal,
  type RunView,
} from '../restore.schema.js';
import { RunViewService } from '../runs/run-view.service.js';
import { PlanService } from './plan.service.js';
import { PlanViewService, type PlanView } from './plan-view.service.js';

@ApiTags('restore')
@ApiBearerAuth()
@Controller('incidents/:id')
@Needs('responder')
export class IncidentPlanController {
  constructor(
    private readonly plans: PlanService,
    private readonly views: PlanViewService,
    private readonly runs: RunViewService,
  ) {}

  @Get('restore-plans')
  @Needs('viewer')
  @ApiOperation({ summary: 'Restore plans of the incident, newest first' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(planSchema))
  list(
    @Param('id', ParseUUIDPipe) incidentId: string,
    @Query(new ZodPipe(pageQuerySchema)) query: PageQuery,
  ): Promise<Page<PlanView>> {
    return this.views.pageOfIncident(incidentId, query);
  }

  @Post('restore-plans')
  @Idempotent()
  @ApiOperation({
    summary:
      'Plans the restore of all wrongful orders, or of chosen cases; writes nothing to the shop',
  })
  @ZodBody(proposalSchema)
  @ZodAnswer(planSchema, { status: 201 })
  async propose(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) incidentId: string,
    @Body(new ZodPipe(proposalSchema)) { cases: caseIds }: Proposal,
  ): Promise<PlanView> {
    return this.views.view(await this.plans.propose(caller, { incidentId, caseIds }));
  }

  @Get('restore-runs')
  @Needs('viewer')
  @ApiOperation({ summary: 'Restore runs of the incident, newest first' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(runSchema))
  runsOf(
    @Param('id', ParseUUIDPipe) incidentId: string,
    @Query(new ZodPipe(pageQuerySchema)) query: PageQuery,
  ): Promise<Page<RunView>> {
    return this.runs.pageOfIncident(incidentId, query);
  }

  @Get('bleeding')
  @Needs('viewer')
  @ApiOperation({ summary: 'Whether the harm has stopped, with the numbers' })
  @ZodAnswer(bleedingSchema)
  bleeding(@Param('id', ParseUUIDPipe) incidentId: string): Promise<Bleeding> {
    return this.plans.bleeding(incidentId);
  }
}
