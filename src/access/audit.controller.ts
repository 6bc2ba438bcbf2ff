import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { pageSchema, ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import { decodeCursor, pageOf, pageQuerySchema, type Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import { auditEntrySchema } from './access.schema.js';
import { AuditService } from './audit.service.js';
import type { AuditEntry } from './audit.store.js';
import { Needs } from './needs.decorator.js';

const auditQuerySchema = pageQuerySchema.extend({
  /** only what was done to such things: `person`, `shop`, `incident` ... */
  subjectKind: z.string().max(100).optional(),
  /** only what was done to this one */
  subjectId: z.string().max(200).optional(),
});

@ApiTags('access')
@ApiBearerAuth()
@Controller('audit')
@Needs('admin')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @ApiOperation({ summary: 'Who changed what, newest first' })
  @ZodQuery(auditQuerySchema)
  @ZodAnswer(pageSchema(auditEntrySchema))
  async list(
    @Query(new ZodPipe(auditQuerySchema)) query: z.output<typeof auditQuerySchema>,
  ): Promise<Page<AuditEntry>> {
    const { limit, cursor, subjectKind, subjectId } = query;
    const beforeId = decodeCursor(cursor, z.int());
    const found = await this.audit.list({ beforeId, limit: limit + 1, subjectKind, subjectId });
    return pageOf(found, limit, (entry) => entry.id);
  }
}
