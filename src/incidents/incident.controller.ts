import { Body, Controller, Get, HttpCode, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { Caller } from '../access/caller.js';
import { Idempotent } from '../access/idempotency.interceptor.js';
import { CallerOf, Needs } from '../access/needs.decorator.js';
import { sentPageSchema, type SentPage } from '../alerting/page.schema.js';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../platform/http/openapi.js';
import type { Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import { DeclarationService } from './declaration.service.js';
import {
  assignmentSchema,
  commentSchema,
  declarationSchema,
  incidentPagesQuerySchema,
  incidentQuerySchema,
  incidentSchema,
  reopeningSchema,
  resolutionSchema,
  severityChangeSchema,
  timelineEntrySchema,
  timelineQuerySchema,
  type DeclarationBody,
  type IncidentListQuery,
  type IncidentPagesQuery,
  type IncidentView,
  type TimelineListQuery,
} from './incident.schema.js';
import { IncidentService } from './incident.service.js';
import { IncidentViewService } from './incident-view.service.js';
import type { TimelineEntry } from './timeline.js';

@ApiTags('incidents')
@ApiBearerAuth()
@Controller('incidents')
@Needs('responder')
export class IncidentController {
  constructor(
    private readonly incidents: IncidentService,
    private readonly declarations: DeclarationService,
    private readonly views: IncidentViewService,
  ) {}

  @Get()
  @Needs('viewer')
  @ApiOperation({ summary: 'Incidents, newest first' })
  @ZodQuery(incidentQuerySchema)
  @ZodAnswer(pageSchema(incidentSchema))
  list(
    @Query(new ZodPipe(incidentQuerySchema)) query: IncidentListQuery,
  ): Promise<Page<IncidentView>> {
    return this.views.list(query);
  }

  @Post()
  @Idempotent()
  @ApiOperation({ summary: 'Declares an incident over a period of cancellations' })
  @ZodBody(declarationSchema)
  @ZodAnswer(incidentSchema, { status: 201 })
  async declare(
    @CallerOf() caller: Caller,
    @Body(new ZodPipe(declarationSchema)) { shop: shopId, ...given }: DeclarationBody,
  ): Promise<IncidentView> {
    return this.views.get(await this.declarations.declare(caller, { shopId, ...given }));
  }

  @Get(':id')
  @Needs('viewer')
  @ApiOperation({ summary: 'One incident, with its cases counted' })
  @ZodAnswer(incidentSchema)
  get(@Param('id', ParseUUIDPipe) id: string): Promise<IncidentView> {
    return this.views.get(id);
  }

  @Get(':id/timeline')
  @Needs('viewer')
  @ApiOperation({ summary: 'What happened, oldest first' })
  @ZodQuery(timelineQuerySchema)
  @ZodAnswer(pageSchema(timelineEntrySchema))
  timeline(
    @Param('id', ParseUUIDPipe) id: string,
    @Query(new ZodPipe(timelineQuerySchema)) query: TimelineListQuery,
  ): Promise<Page<TimelineEntry>> {
    return this.views.listTimeline(id, query);
  }

  @Get(':id/pages')
  @Needs('viewer')
  @ApiOperation({ summary: 'Who was paged about it, newest first, and whether that arrived' })
  @ZodQuery(incidentPagesQuerySchema)
  @ZodAnswer(pageSchema(sentPageSchema))
  pages(
    @Param('id', ParseUUIDPipe) id: string,
    @Query(new ZodPipe(incidentPagesQuerySchema)) query: IncidentPagesQuery,
  ): Promise<Page<SentPage>> {
    return this.views.listPages(id, query);
  }

  @Post(':id/acknowledge')
  @HttpCode(200)
  @ApiOperation({ summary: 'Says that somebody works on it' })
  @ZodAnswer(incidentSchema)
  async acknowledge(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
  ): Promise<IncidentView> {
    return this.views.of(await this.incidents.acknowledge(caller, id));
  }

  @Post(':id/assign')
  @HttpCode(200)
  @ApiOperation({ summary: 'Gives it to a person, or to nobody' })
  @ZodBody(assignmentSchema)
  @ZodAnswer(incidentSchema)
  async assign(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(assignmentSchema)) { personId }: z.output<typeof assignmentSchema>,
  ): Promise<IncidentView> {
    return this.views.of(await this.incidents.assign(caller, id, personId));
  }

  @Post(':id/comment')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({ summary: 'Writes a comment onto the timeline' })
  @ZodBody(commentSchema)
  @ZodAnswer(incidentSchema)
  async comment(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(commentSchema)) { text }: z.output<typeof commentSchema>,
  ): Promise<IncidentView> {
    return this.views.of(await this.incidents.comment(caller, id, text));
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Ends it; cases that were not restored are closed',
    description:
      'Refused while a restore run of it has not ended (`run-not-ended`). Of a resolved incident nothing is planned, started, resumed, undone or given out as SQL (`incident-resolved`).',
  })
  @ZodBody(resolutionSchema)
  @ZodAnswer(incidentSchema)
  async resolve(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(resolutionSchema)) given: z.output<typeof resolutionSchema>,
  ): Promise<IncidentView> {
    return this.views.of(await this.incidents.resolve(caller, id, given));
  }

  @Post(':id/reopen')
  @HttpCode(200)
  @ApiOperation({ summary: 'Takes a resolved incident up again, with its closed cases' })
  @ZodBody(reopeningSchema)
  @ZodAnswer(incidentSchema)
  async reopen(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(reopeningSchema)) { reason }: z.output<typeof reopeningSchema>,
  ): Promise<IncidentView> {
    return this.views.of(await this.incidents.reopen(caller, id, reason));
  }

  @Post(':id/severity')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sets the severity by hand; numbers do not change it any more' })
  @ZodBody(severityChangeSchema)
  @ZodAnswer(incidentSchema)
  async setSeverity(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
    @Body(new ZodPipe(severityChangeSchema)) given: z.output<typeof severityChangeSchema>,
  ): Promise<IncidentView> {
    return this.views.of(await this.incidents.setSeverity(caller, id, given));
  }
}
