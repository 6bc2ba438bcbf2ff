import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import type { Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import {
  sentPageQuerySchema,
  sentPageSchema,
  type SentPage,
  type SentPageQuery,
} from './page.schema.js';
import { PageViewService } from './page-view.service.js';

@ApiTags('alerts')
@ApiBearerAuth()
@Controller('pages')
@Needs('viewer')
export class PageController {
  constructor(private readonly pages: PageViewService) {}

  @Get()
  @ApiOperation({
    summary: 'Messages to the people on call, newest first, and whether they arrived',
  })
  @ZodQuery(sentPageQuerySchema)
  @ZodAnswer(pageSchema(sentPageSchema))
  list(@Query(new ZodPipe(sentPageQuerySchema)) query: SentPageQuery): Promise<Page<SentPage>> {
    return this.pages.list(query);
  }
}
