import { Controller, Get, Header, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { TextAnswer } from '../platform/http/openapi.js';
import { Needs } from './needs.decorator.js';

@ApiTags('operations')
@ApiBearerAuth()
@Controller({ path: 'metrics', version: VERSION_NEUTRAL })
@Needs('metrics')
export class MetricsController {
  constructor(private readonly registry: Registry) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Metrics in the Prometheus text format' })
  @TextAnswer('text/plain')
  metrics(): Promise<string> {
    return this.registry.metrics();
  }
}
