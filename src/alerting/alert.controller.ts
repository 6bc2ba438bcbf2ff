import { Controller, Get, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { pageSchema, ZodAnswer, ZodQuery } from '../platform/http/openapi.js';
import type { Page } from '../platform/http/page.js';
import { ZodPipe } from '../platform/http/zod.pipe.js';
import { Needs } from '../access/needs.decorator.js';
import type { Alert } from './alert.js';
import {
  AlertService,
  alertQuerySchema,
  alertSchema,
  type AlertListQuery,
} from './alert.service.js';

@ApiTags('alerts')
@ApiBearerAuth()
@Controller('alerts')
@Needs('viewer')
export class AlertController {
  constructor(private readonly alerts: AlertService) {}

  @Get()
  @ApiOperation({ summary: 'Alerts, newest first' })
  @ZodQuery(alertQuerySchema)
  @ZodAnswer(pageSchema(alertSchema))
  list(@Query(new ZodPipe(alertQuerySchema)) query: AlertListQuery): Promise<Page<Alert>> {
    return this.alerts.list(query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One alert' })
  @ZodAnswer(alertSchema)
  get(@Param('id', ParseUUIDPipe) id: string): Promise<Alert> {
    return this.alerts.get(id);
  }
}
