import { Body, Controller, Get, Header, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Caller } from '../../access/caller.js';
import { Idempotent } from '../../access/idempotency.interceptor.js';
import { CallerOf, Needs } from '../../access/needs.decorator.js';
import {
  pageSchema,
  TextAnswer,
  ZodAnswer,
  ZodBody,
  ZodQuery,
} from '../../platform/http/openapi.js';
import {
  pageOfWhole,
  pageQuerySchema,
  type Page,
  type PageQuery,
} from '../../platform/http/page.js';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import { ApprovalService } from '../approvals/approval.service.js';
import {
  approvalSchema,
  decisionSchema,
  planItemSchema,
  planSchema,
  runSchema,
  scriptQuerySchema,
  startSchema,
  type Decision,
  type RunView,
  type ScriptQuery,
  type StartBody,
} from '../restore.schema.js';
import { RunStartService } from '../runs/run-start.service.js';
import { RunViewService } from '../runs/run-view.service.js';
import { PlanScriptService } from './plan-script.service.js';
import { PlanViewService, type ItemView, type PlanView } from './plan-view.service.js';
import type { Approval } from '../approvals/approval.js';

@ApiTags('restore')
@ApiBearerAuth()
@Controller('restore-plans/:id')
@Needs('responder')
export class PlanController {
  constructor(
    private readonly views: PlanViewService,
    private readonly approvals: ApprovalService,
    private readonly starts: RunStartService,
    private readonly runs: RunViewService,
  ) {}

  @Get()
  @Needs('viewer')
  @ApiOperation({ summary: 'One restore plan, with its approvals' })
  @ZodAnswer(planSchema)
  get(@Param('id', ParseUUIDPipe) id: string): Promise<PlanView> {
    return this.views.view(id);
  }

  @Get('items')
  @Needs('viewer')
  @ApiOperation({ summary: 'What the plan would change, order by order, exactly and in words' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(planItemSchema))
  items(
    @Param('id', ParseUUIDPipe) id: string,
    @Query(new ZodPipe(pageQuerySchema)) query: PageQuery,
  ): Promise<Page<ItemView>> {
    return this.views.pageOfItems(id, query);
  }

  @Get('approvals')
  @Needs('viewer')
  @ApiOperation({ summary: 'Who approved or rejected it, oldest first' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(approvalSchema))
  async votes(
    @Param('id', ParseUUIDPipe) planId: string,
    @Query(new ZodPipe(pageQuerySchema)) query: PageQuery,
  ): Promise<Page<Approval>> {
    return pageOfWhole((await this.views.view(planId)).approvals, query, ({ id }) => id);
  }

  @Post('approvals')
  @Needs('approver')
  @ApiOperation({
    summary: 'Approves or rejects the plan of this hash: one person, one vote, not the requester',
  })
  @ZodBody(decisionSchema)
  @ZodAnswer(planSchema, { status: 201 })
  async vote(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(decisionSchema)) { planHash: hash, ...decision }: Decision,
  ): Promise<PlanView> {
    await this.approvals.vote(id, { caller, hash, ...decision });
    return this.views.view(id);
  }

  @Get('runs')
  @Needs('viewer')
  @ApiOperation({ summary: 'Its run, once it was started: a plan is run once' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(runSchema))
  runsOf(
    @Param('id', ParseUUIDPipe) id: string,
    @Query(new ZodPipe(pageQuerySchema)) query: PageQuery,
  ): Promise<Page<RunView>> {
    return this.runs.ofPlan(id, query);
  }

  @Post('runs')
  @Idempotent()
  @ApiOperation({ summary: 'Runs the approved plan: one order first, then ten, then the rest' })
  @ZodBody(startSchema)
  @ZodAnswer(runSchema, { status: 201 })
  async start(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) planId: string,
    @Body(new ZodPipe(startSchema)) { planHash: hash, overrideBleeding: override }: StartBody,
  ): Promise<RunView> {
    return this.runs.view(await this.starts.start(caller, { planId, hash, override }));
  }
}

/** The plan as a script: under an address that says so. */
@ApiTags('restore')
@ApiBearerAuth()
@Controller('restore-plans/:id.sql')
export class PlanScriptController {
  constructor(private readonly scripts: PlanScriptService) {}

  @Get()
  @Needs('approver')
  @Header('content-type', 'application/sql; charset=utf-8')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'The approved plan as SQL for a DBA: same locks, guards, invariants and markers',
    description:
      'Given out under the rules of a start: an armed shop, no kill switch, no bleeding, approved by others than who takes it. It holds personal data in the clear, so that giving it out is in the audit.',
  })
  @ZodQuery(scriptQuerySchema)
  @TextAnswer('application/sql')
  script(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) planId: string,
    @Query(new ZodPipe(scriptQuerySchema)) { overrideBleeding: reason }: ScriptQuery,
  ): Promise<string> {
    return this.scripts.give(caller, {
      planId,
      override: reason === undefined ? null : { reason },
    });
  }
}
