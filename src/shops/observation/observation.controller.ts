import { Controller, Param, Query, Sse, UseGuards, type MessageEvent } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import type { Caller } from '../../access/caller.js';
import { CallerOf, Needs } from '../../access/needs.decorator.js';
import { TextAnswer, ZodQuery } from '../../platform/http/openapi.js';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import { ObservationGuard } from './observation.guard.js';
import { observationQuerySchema, type ObservationQuery } from './observation.schema.js';
import { ObservationService } from './observation.service.js';

@ApiTags('shops')
@ApiBearerAuth()
@Controller('shops/:shop/observation')
export class ObservationController {
  constructor(private readonly observations: ObservationService) {}

  @Sse('events')
  @Needs('responder')
  @UseGuards(ObservationGuard)
  @ApiOperation({
    summary: 'Watches the live shop for a while, as server-sent events; reads only',
    description:
      '`progress` every few seconds, then `end` with what was seen: tables that the profile does not map and that are written in the same transactions as mapped ones, and triggers that would do again what a restore does. Closing the connection ends it.',
  })
  @ZodQuery(observationQuerySchema)
  @TextAnswer('text/event-stream')
  events(
    @CallerOf() caller: Caller,
    @Param('shop') shopId: string,
    @Query(new ZodPipe(observationQuerySchema)) { seconds }: ObservationQuery,
  ): Observable<MessageEvent> {
    return this.observations.watch(caller, { shopId, seconds });
  }
}
