import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { pageSchema, ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import { decodeCursor, pageOf, pageQuerySchema, type Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import type { Finding } from './finding.js';
import { FindingService } from './finding.service.js';

const listSchema = pageQuerySchema.extend({
  shop: z.string().optional(),
  state: z.enum(['live', 'closed']).optional(),
});
const cursorSchema = z.tuple([z.coerce.date(), z.uuid()]);

const findingSchema = z.object({
  id: z.uuid(),
  shopId: z.string(),
  detector: z.string(),
  fingerprint: z.string(),
  state: z.enum(['live', 'closed']),
  slice: z.record(z.string(), z.string()),
  sentence: z.string(),
  measure: z.object({
    slice: z.record(z.string(), z.string()),
    orders: z.int(),
    paidOrders: z.int(),
    accounts: z.int(),
    money: z.record(z.string(), z.int()),
    since: z.date(),
    until: z.date(),
    expected: z.number(),
    weeksPerChance: z.number(),
    rising: z.boolean(),
    learntDays: z.number(),
    gap: z.object({ from: z.date(), until: z.date() }).nullable(),
  }),
  firstEventAt: z.date(),
  lastEventAt: z.date(),
  foundAt: z.date(),
  closedAt: z.date().nullable(),
  version: z.int(),
});

@ApiTags('findings')
@ApiBearerAuth()
@Controller('findings')
export class FindingController {
  constructor(private readonly findings: FindingService) {}

  @Get()
  @ApiOperation({ summary: 'What the detectors saw, newest first' })
  @ZodQuery(listSchema)
  @ZodAnswer(pageSchema(findingSchema))
  async list(
    @Query(new ZodPipe(listSchema)) { shop, state, limit, cursor }: z.output<typeof listSchema>,
  ): Promise<Page<Finding>> {
    const after = decodeCursor(cursor, cursorSchema);
    const found = await this.findings.list({
      shopId: shop ?? null,
      state: state ?? null,
      before: after === null ? null : { foundAt: after[0], id: after[1] },
      limit: limit + 1,
    });
    return pageOf(found, limit, ({ foundAt, id }) => [foundAt, id]);
  }
}
