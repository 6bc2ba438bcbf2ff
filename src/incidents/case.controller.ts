import { Body, Controller, Get, HttpCode, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Caller } from '../access/caller.js';
import { CallerOf, Needs } from '../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../platform/http/openapi.js';
import type { Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import type { Case } from './case.js';
import { CaseService } from './case.service.js';
import {
  caseQuerySchema,
  caseSchema,
  verdictDecisionSchema,
  type CaseListQuery,
} from './incident.schema.js';
import { IncidentViewService } from './incident-view.service.js';

@ApiTags('incidents')
@ApiBearerAuth()
@Controller('incidents/:id/cases')
@Needs('responder')
export class CaseController {
  constructor(
    private readonly cases: CaseService,
    private readonly views: IncidentViewService,
  ) {}

  @Get()
  @Needs('viewer')
  @ApiOperation({ summary: 'The orders of an incident, each with its verdict and reasons' })
  @ZodQuery(caseQuerySchema)
  @ZodAnswer(pageSchema(caseSchema))
  list(
    @Param('id', ParseUUIDPipe) id: string,
    @Query(new ZodPipe(caseQuerySchema)) query: CaseListQuery,
  ): Promise<Page<Case>> {
    return this.views.listCases(id, query);
  }

  @Get(':case')
  @Needs('viewer')
  @ApiOperation({ summary: 'One case' })
  @ZodAnswer(caseSchema)
  get(
    @Param('id', ParseUUIDPipe) incidentId: string,
    @Param('case', ParseUUIDPipe) caseId: string,
  ): Promise<Case> {
    return this.cases.getIn(incidentId, caseId);
  }

  @Post(':case/verdict')
  @HttpCode(200)
  @ApiOperation({ summary: 'Decides the verdict by hand; it is not judged again' })
  @ZodBody(verdictDecisionSchema)
  @ZodAnswer(caseSchema)
  decide(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) incidentId: string,
    @Param('case', ParseUUIDPipe) caseId: string,
    @Body(new ZodPipe(verdictDecisionSchema)) given: z.output<typeof verdictDecisionSchema>,
  ): Promise<Case> {
    return this.cases.decideVerdict(caller, { incidentId, caseId, ...given });
  }
}
