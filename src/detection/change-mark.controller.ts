import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Caller } from '../access/caller.js';
import { Idempotent } from '../access/idempotency.interceptor.js';
import { CallerOf, Needs } from '../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../platform/http/openapi.js';
import { decodeCursor, pageOf, pageQuerySchema, type Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import type { ChangeMarkEntity } from './change-mark.entity.js';
import { changeSchema, newChangeSchema, type NewChange } from './change-mark.js';
import { ChangeMarkService } from './change-mark.service.js';

const listSchema = pageQuerySchema.extend({ shop: z.string().optional() });
const cursorSchema = z.tuple([z.coerce.date(), z.uuid()]);

@ApiTags('changes')
@ApiBearerAuth()
@Controller('changes')
export class ChangeMarkController {
  constructor(private readonly changes: ChangeMarkService) {}

  @Post()
  @Needs('ingest', 'responder')
  @Idempotent()
  @ApiOperation({ summary: 'Tells of a deploy, a changed setting or an action that may matter' })
  @ZodBody(newChangeSchema)
  @ZodAnswer(changeSchema, { status: 201 })
  async record(
    @Body(new ZodPipe(newChangeSchema)) change: NewChange,
    @CallerOf() caller: Caller,
  ): Promise<ChangeMarkEntity> {
    return this.changes.record(change, caller);
  }

  @Get()
  @ApiOperation({ summary: 'Changes, newest first' })
  @ZodQuery(listSchema)
  @ZodAnswer(pageSchema(changeSchema))
  async list(
    @Query(new ZodPipe(listSchema)) { shop, limit, cursor }: z.output<typeof listSchema>,
  ): Promise<Page<ChangeMarkEntity>> {
    const after = decodeCursor(cursor, cursorSchema);
    const found = await this.changes.list({
      shopId: shop ?? null,
      before: after === null ? null : { at: after[0], id: after[1] },
      limit: limit + 1,
    });
    return pageOf(found, limit, ({ at, id }) => [at, id]);
  }
}
