import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  Param,
  ParseUUIDPipe,
  Post,
  Query,
  Sse,
  UseGuards,
  type MessageEvent,
} from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
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
import type { Page } from '../../platform/http/page.js';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import { PlanViewService, type PlanView } from '../plans/plan-view.service.js';
import {
  goOnSchema,
  pauseSchema,
  planSchema,
  runItemQuerySchema,
  runItemSchema,
  runSchema,
  settleSchema,
  stopSchema,
  type GoOnBody,
  type PauseBody,
  type RunItemQuery,
  type RunItemView,
  type RunView,
  type SettleBody,
  type StopBody,
} from '../restore.schema.js';
import { RunControlService } from './run-control.service.js';
import { RunEvents } from './run-events.js';
import { RunExistsGuard } from './run-exists.guard.js';
import { RunResumeService } from './run-resume.service.js';
import { RunViewService, viewOfItem } from './run-view.service.js';
import { SettlementService } from './settlement.service.js';
import { UndoService } from './undo.service.js';

@ApiTags('restore')
@ApiBearerAuth()
@Controller('restore-runs/:id')
@Needs('responder')
export class RunController {
  constructor(
    private readonly views: RunViewService,
    private readonly control: RunControlService,
    private readonly resumes: RunResumeService,
    private readonly settlements: SettlementService,
    private readonly undos: UndoService,
    private readonly plans: PlanViewService,
    private readonly runEvents: RunEvents,
  ) {}

  @Get()
  @Needs('viewer')
  @ApiOperation({ summary: 'One restore run, with its orders counted by state' })
  @ZodAnswer(runSchema)
  get(@Param('id', ParseUUIDPipe) id: string): Promise<RunView> {
    return this.views.view(id);
  }

  @Get('items')
  @Needs('viewer')
  @ApiOperation({ summary: 'Its orders, each with its state and reason' })
  @ZodQuery(runItemQuerySchema)
  @ZodAnswer(pageSchema(runItemSchema))
  items(
    @Param('id', ParseUUIDPipe) id: string,
    @Query(new ZodPipe(runItemQuerySchema)) query: RunItemQuery,
  ): Promise<Page<RunItemView>> {
    return this.views.pageOfItems(id, query);
  }

  @Post('items/:item/settle')
  @HttpCode(200)
  @Needs('approver')
  @ApiOperation({
    summary: 'A person says what became of an order of which nothing else tells it; writes nothing',
    description:
      'Only for items that are `unknown`, or that were `applied` half a minute ago and are not seen in the shop’s stream. One that was not applied has failed: `retry` gives it another turn.',
  })
  @ZodBody(settleSchema)
  @ZodAnswer(runItemSchema)
  async settle(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) runId: string,
    @Param('item', ParseUUIDPipe) itemId: string,
    @Body(new ZodPipe(settleSchema)) said: SettleBody,
  ): Promise<RunItemView> {
    return viewOfItem(await this.settlements.settle(caller, { runId, itemId, ...said }));
  }

  @Sse('events')
  @Needs('viewer')
  @UseGuards(RunExistsGuard)
  @ApiOperation({ summary: 'Its progress as server-sent events, from Last-Event-ID on' })
  @TextAnswer('text/event-stream')
  events(
    @Param('id', ParseUUIDPipe) id: string,
    @Headers('last-event-id') lastEventId: string | undefined,
  ): Observable<MessageEvent> {
    return this.runEvents.follow(id, lastEventId);
  }

  @Post('pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Begins no further order until it is resumed' })
  @ZodBody(pauseSchema)
  @ZodAnswer(runSchema)
  pause(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(pauseSchema)) { reason }: PauseBody,
  ): Promise<RunView> {
    return this.after(id, this.control.pause(caller, id, reason));
  }

  @Post('resume')
  @HttpCode(200)
  @ApiOperation({ summary: 'Goes on with a paused or stopped run, under the rules of a start' })
  @ZodBody(goOnSchema)
  @ZodAnswer(runSchema)
  resume(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) runId: string,
    @Body(new ZodPipe(goOnSchema)) { overrideBleeding: override }: GoOnBody,
  ): Promise<RunView> {
    return this.after(runId, this.resumes.resume(caller, { runId, failedToo: false, override }));
  }

  @Post('retry')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({ summary: 'Tries the orders that failed once more, and only those' })
  @ZodBody(goOnSchema)
  @ZodAnswer(runSchema)
  retry(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) runId: string,
    @Body(new ZodPipe(goOnSchema)) { overrideBleeding: override }: GoOnBody,
  ): Promise<RunView> {
    return this.after(runId, this.resumes.resume(caller, { runId, failedToo: true, override }));
  }

  @Post('stop')
  @HttpCode(200)
  @ApiOperation({ summary: 'Ends the run; what was restored stays restored' })
  @ZodBody(stopSchema)
  @ZodAnswer(runSchema)
  stop(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(stopSchema)) { reason }: StopBody,
  ): Promise<RunView> {
    return this.after(id, this.control.stop(caller, id, reason));
  }

  @Post('undo')
  @Idempotent()
  @ApiOperation({
    summary: 'Plans to take the run back; that plan is approved and run like any other',
  })
  @ZodAnswer(planSchema, { status: 201 })
  async undo(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
  ): Promise<PlanView> {
    return this.plans.view(await this.undos.propose(caller, id));
  }

  /** The run as it is once it was changed. */
  private async after(runId: string, change: Promise<void>): Promise<RunView> {
    await change;
    return this.views.view(runId);
  }
}
