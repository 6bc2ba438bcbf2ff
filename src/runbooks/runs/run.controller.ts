import { Body, Controller, Get, HttpCode, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Caller } from '../../access/caller.js';
import { Idempotent } from '../../access/idempotency.interceptor.js';
import { CallerOf, Needs } from '../../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../../platform/http/openapi.js';
import { pageQuerySchema, type Page, type PageQuery } from '../../platform/http/page.js';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import {
  abortBodySchema,
  answerBodySchema,
  pauseBodySchema,
  resumeBodySchema,
  runbookRunDetailSchema,
  runbookRunSchema,
  startBodySchema,
  type AbortBody,
  type AnswerBody,
  type PauseBody,
  type ResumeBody,
  type RunbookRunDetail,
  type RunbookRunView,
  type StartBody,
} from '../runbook.schema.js';
import { AnswerService } from './answer.service.js';
import { RunbookControlService } from './run-control.service.js';
import { RunbookStartService } from './run-start.service.js';
import { RunbookRunViewService } from './run-view.service.js';

@ApiTags('runbooks')
@ApiBearerAuth()
@Controller('incidents/:id/runbook-runs')
@Needs('responder')
export class IncidentRunbookController {
  constructor(
    private readonly views: RunbookRunViewService,
    private readonly starts: RunbookStartService,
  ) {}

  @Get()
  @Needs('viewer')
  @ApiOperation({ summary: 'Runbook runs of the incident, newest first' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(pageSchema(runbookRunSchema))
  list(
    @Param('id', ParseUUIDPipe) incidentId: string,
    @Query(new ZodPipe(pageQuerySchema)) query: PageQuery,
  ): Promise<Page<RunbookRunView>> {
    return this.views.pageOfIncident(incidentId, query);
  }

  @Post()
  @Idempotent()
  @ApiOperation({
    summary:
      'Starts a runbook for the incident, or goes through it dry; pinned to its present text',
    description:
      'Refused of a runbook with faults (`runbook-invalid`) or without steps, of a resolved incident, and while a run of the same runbook has not ended (`runbook-run-open`).',
  })
  @ZodBody(startBodySchema)
  @ZodAnswer(runbookRunDetailSchema, { status: 201 })
  async start(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) incidentId: string,
    @Body(new ZodPipe(startBodySchema)) body: StartBody,
  ): Promise<RunbookRunDetail> {
    return this.views.view(await this.starts.start(caller, { incidentId, ...body }));
  }
}

@ApiTags('runbooks')
@ApiBearerAuth()
@Controller('runbook-runs/:id')
@Needs('responder')
export class RunbookRunController {
  constructor(
    private readonly views: RunbookRunViewService,
    private readonly control: RunbookControlService,
    private readonly answers: AnswerService,
  ) {}

  @Get()
  @Needs('viewer')
  @ApiOperation({ summary: 'One runbook run, with its steps, their evidence and its text' })
  @ZodAnswer(runbookRunDetailSchema)
  get(@Param('id', ParseUUIDPipe) id: string): Promise<RunbookRunDetail> {
    return this.views.view(id);
  }

  @Post('answer')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Answers the question that the run waits for, or decides about its plan',
    description:
      'For an approval the answer is `approved` or `rejected`, by the role approver, with the hash of the plan that was looked at: it is the same vote as at the plan itself.',
  })
  @ZodBody(answerBodySchema)
  @ZodAnswer(runbookRunDetailSchema)
  answer(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(answerBodySchema)) answer: AnswerBody,
  ): Promise<RunbookRunDetail> {
    return this.after(id, this.answers.answer(caller, id, answer));
  }

  @Post('pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Begins no further step until it is resumed' })
  @ZodBody(pauseBodySchema)
  @ZodAnswer(runbookRunDetailSchema)
  pause(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(pauseBodySchema)) { reason }: PauseBody,
  ): Promise<RunbookRunDetail> {
    return this.after(id, this.control.pause(caller, id, reason));
  }

  @Post('resume')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Goes on with a paused or stopped run, from now on for who resumes it',
    description: 'A failed step is tried again; `from` goes back to an earlier one.',
  })
  @ZodBody(resumeBodySchema)
  @ZodAnswer(runbookRunDetailSchema)
  resume(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(resumeBodySchema)) { from }: ResumeBody,
  ): Promise<RunbookRunDetail> {
    return this.after(id, this.control.resume(caller, id, from));
  }

  @Post('abort')
  @HttpCode(200)
  @ApiOperation({ summary: 'Ends the run; what its steps have done stays done' })
  @ZodBody(abortBodySchema)
  @ZodAnswer(runbookRunDetailSchema)
  abort(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(abortBodySchema)) { reason }: AbortBody,
  ): Promise<RunbookRunDetail> {
    return this.after(id, this.control.abort(caller, id, reason));
  }

  /** The run as it is once it was changed. */
  private async after(runId: string, change: Promise<void>): Promise<RunbookRunDetail> {
    await change;
    return this.views.view(runId);
  }
}
