import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import {
  decodeCursor,
  pageOf,
  pageQuerySchema,
  type Page,
  type PageQuery,
} from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import { auditPageSchema } from './access.schema.js';
import { AuditService } from './audit.service.js';
import type { AuditEntry } from './audit.store.js';
import { Needs } from './needs.decorator.js';

@ApiTags('access')
@ApiBearerAuth()
@Controller('audit')
@Needs('admin')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @ApiOperation({ summary: 'Who changed what, newest first' })
  @ZodQuery(pageQuerySchema)
  @ZodAnswer(auditPageSchema)
  async list(
    @Query(new ZodPipe(pageQuerySchema)) { limit, cursor }: PageQuery,
  ): Promise<Page<AuditEntry>> {
    const found = await this.audit.list({
      beforeId: decodeCursor(cursor, z.int()),
      limit: limit + 1,
    });
    return pageOf(found, limit, (entry) => entry.id);
  }
}
