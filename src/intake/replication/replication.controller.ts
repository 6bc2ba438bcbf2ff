import { Body, Controller, Get, Header, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Caller } from '../../access/caller.js';
import { CallerOf, Needs } from '../../access/needs.decorator.js';
import { TextAnswer, ZodAnswer, ZodBody } from '../../platform/http/openapi.js';
import { ZodPipe } from '../../platform/http/zod.pipe.js';
import {
  attachSchema,
  detachedSchema,
  detachSchema,
  streamStatusSchema,
  type AttachRequest,
  type Detached,
  type DetachRequest,
  type StreamStatus,
} from './replication.schema.js';
import { ReplicationService } from './replication.service.js';

@ApiTags('shops')
@ApiBearerAuth()
@Controller('shops')
export class ReplicationController {
  constructor(private readonly replication: ReplicationService) {}

  @Get(':shop/status')
  @ApiOperation({ summary: 'Where the shop’s stream stands, and how far behind it is' })
  @ZodAnswer(streamStatusSchema)
  status(@Param('shop') shop: string): Promise<StreamStatus> {
    return this.replication.status(shop);
  }

  @Get(':shop/attach.sql')
  @Needs('admin')
  @Header('content-type', 'text/plain; charset=utf-8')
  @TextAnswer('text/plain')
  @ApiOperation({ summary: 'What attaching changes in the shop’s schema, as SQL for a DBA' })
  attachSql(@Param('shop') shop: string): Promise<string> {
    return this.replication.attachSql(shop);
  }

  @Post(':shop/attach')
  @HttpCode(200)
  @Needs('admin')
  @ApiOperation({
    summary: 'Follows the shop’s orders by logical replication; refused whole, with every reason',
  })
  @ZodBody(attachSchema)
  @ZodAnswer(streamStatusSchema)
  attach(
    @CallerOf() caller: Caller,
    @Param('shop') shop: string,
    @Body(new ZodPipe(attachSchema)) body: AttachRequest,
  ): Promise<StreamStatus> {
    return this.replication.attach(caller, shop, body);
  }

  @Post(':shop/detach')
  @HttpCode(200)
  @Needs('admin')
  @ApiOperation({ summary: 'Stops following the shop and takes back what attaching changed there' })
  @ZodBody(detachSchema)
  @ZodAnswer(detachedSchema)
  detach(
    @CallerOf() caller: Caller,
    @Param('shop') shop: string,
    @Body(new ZodPipe(detachSchema)) body: DetachRequest,
  ): Promise<Detached> {
    return this.replication.detach(caller, shop, body);
  }
}
