import { setTimeout } from 'node:timers/promises';
import { Controller, Get, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { Open } from './needs.decorator.js';

/** Whoever asks for health wants an answer soon, also from a database that hangs. */
const readyTimeoutMs = 2_000;

@ApiTags('operations')
@Controller({ path: 'health', version: VERSION_NEUTRAL })
@Open()
export class HealthController {
  constructor(private readonly database: Database) {}

  @Get('live')
  @ApiOperation({ summary: 'The process answers' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'It can work: its database answers' })
  async ready(): Promise<{ status: 'ok' }> {
    const answered = await Promise.race([
      this.database.query('SELECT 1').then(
        () => true,
        () => false,
      ),
      setTimeout(readyTimeoutMs, false, { ref: false }),
    ]);
    if (!answered)
      throw new Fault(
        'unavailable',
        'database-unreachable',
        'the database of Reinstate does not answer',
      );
    return { status: 'ok' };
  }
}
