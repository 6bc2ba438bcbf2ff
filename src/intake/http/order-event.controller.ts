import { Controller, Post, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../access/caller.js';
import { CallerOf, Needs } from '../../access/needs.decorator.js';
import { ZodAnswer, ZodBody } from '../../platform/http/openapi.js';
import { statusOf } from './intake-tally.js';
import { bodySchema, intakeAnswerSchema, type IntakeAnswer } from './order-event.schema.js';
import { OrderEventService } from './order-event.service.js';
import { itemsOfRequest, traceOfRequest } from './order-event-request.js';
import { mediaTypes } from './told-items.js';

@ApiTags('order-events')
@ApiBearerAuth()
@Controller('order-events')
export class OrderEventController {
  constructor(private readonly events: OrderEventService) {}

  /** Each event counts once by its source and id: the request needs no key of its own. */
  @Post()
  @Needs('ingest')
  @ApiOperation({
    summary: 'Tells what happened to orders, as CloudEvents 1.0; each source and id counts once',
  })
  @ApiConsumes(...Object.values(mediaTypes), 'application/json')
  @ZodBody(bodySchema)
  @ZodAnswer(intakeAnswerSchema, { status: 200, description: 'all were taken, now or before' })
  @ZodAnswer(intakeAnswerSchema, { status: 207, description: 'some were taken, others rejected' })
  @ZodAnswer(intakeAnswerSchema, { status: 422, description: 'none was taken' })
  async take(
    @Req() request: FastifyRequest,
    @CallerOf() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IntakeAnswer> {
    const answer = await this.events.take({
      caller,
      traceparent: traceOfRequest(request),
      items: itemsOfRequest(request),
    });
    void reply.status(statusOf(answer));
    return answer;
  }
}
