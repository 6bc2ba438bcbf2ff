import { setTimeout } from 'node:timers/promises';
import { Controller, Get, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Database } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { ZodAnswer } from '../platform/http/openapi.js';
import { HealthStore } from './health.store.js';
import { Open } from './needs.decorator.js';

/** Whoever asks for health wants an answer soon, also from a database that hangs. */
const readyTimeoutMs = 2_000;

const healthSchema = z.object({ status: z.literal('ok') });

@ApiTags('operations')
@Controller({ path: 'health', version: VERSION_NEUTRAL })
@Open()
export class HealthController {
  constructor(
    private readonly database: Database,
    private readonly store: HealthStore,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'The process answers' })
  @ZodAnswer(healthSchema)
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'It can work: its database answers' })
  @ZodAnswer(healthSchema)
  async ready(): Promise<{ status: 'ok' }> {
    const reason = await Promise.race([
      this.store.ask(this.database).then(() => undefined, reasonOf),
      setTimeout(readyTimeoutMs, `no answer within ${readyTimeoutMs / 1000} s`, { ref: false }),
    ]);
    if (reason !== undefined)
      throw new Fault(
        'unavailable',
        'database-unreachable',
        `the database of Reinstate does not answer: ${reason}`,
        { data: { reason } },
      );
    return { status: 'ok' };
  }
}

/** Health is open to everybody: a code tells enough, an error's words would name host and user. */
function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : 'the connection failed';
}
