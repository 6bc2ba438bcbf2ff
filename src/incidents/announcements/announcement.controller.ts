import { Body, Controller, Delete, Get, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Caller } from '../../access/caller.js';
import { Idempotent } from '../../access/idempotency.interceptor.js';
import { CallerOf, Needs } from '../../access/needs.decorator.js';
import { pageSchema, ZodAnswer, ZodBody, ZodQuery } from '../../platform/http/openapi.js';
import type { Page } from '../../platform/http/page.js';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import type { AnnouncementEntity } from './announcement.entity.js';
import {
  announcementQuerySchema,
  announcementSchema,
  newAnnouncementSchema,
  type AnnouncementListQuery,
  type NewAnnouncementBody,
} from './announcement.schema.js';
import { AnnouncementService } from './announcement.service.js';

@ApiTags('announcements')
@ApiBearerAuth()
@Controller('announcements')
@Needs('responder')
export class AnnouncementController {
  constructor(private readonly announcements: AnnouncementService) {}

  @Get()
  @Needs('viewer')
  @ApiOperation({ summary: 'Announced bulk cancels, newest first' })
  @ZodQuery(announcementQuerySchema)
  @ZodAnswer(pageSchema(announcementSchema))
  list(
    @Query(new ZodPipe(announcementQuerySchema)) query: AnnouncementListQuery,
  ): Promise<Page<AnnouncementEntity>> {
    return this.announcements.page(query);
  }

  @Post()
  @Idempotent()
  @ApiOperation({ summary: 'Announces a bulk cancel: what falls under it is intended' })
  @ZodBody(newAnnouncementSchema)
  @ZodAnswer(announcementSchema, { status: 201 })
  announce(
    @CallerOf() caller: Caller,
    @Body(new ZodPipe(newAnnouncementSchema)) { shop: shopId, ...given }: NewAnnouncementBody,
  ): Promise<AnnouncementEntity> {
    return this.announcements.announce(caller, { shopId, ...given });
  }

  @Get(':id')
  @Needs('viewer')
  @ApiOperation({ summary: 'One announcement' })
  @ZodAnswer(announcementSchema)
  get(@Param('id', ParseUUIDPipe) id: string): Promise<AnnouncementEntity> {
    return this.announcements.get(id);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Withdraws it from now on; what it covered stays covered' })
  @ZodAnswer(announcementSchema)
  withdraw(
    @CallerOf() caller: Caller,
    @Param('id', ParseUUIDPipe) id: string,
  ): Promise<AnnouncementEntity> {
    return this.announcements.withdraw(caller, id);
  }
}
