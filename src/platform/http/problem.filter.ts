import {
  Catch,
  HttpException,
  Logger,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import type { FastifyReply } from 'fastify';
import { Fault, messageOf, type FaultKind } from '../errors.js';

/** RFC 9457. `code` is stable and made for programs, `detail` for people. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly fields?: readonly { field: string; message: string }[];
  readonly data?: Record<string, unknown>;
  readonly traceId?: string;
}

const statuses: Record<FaultKind, { status: number; title: string }> = {
  invalid: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'A token is needed' },
  forbidden: { status: 403, title: 'Not allowed' },
  missing: { status: 404, title: 'Not found' },
  conflict: { status: 409, title: 'Not possible as things stand' },
  limited: { status: 429, title: 'Too many requests' },
  unavailable: { status: 503, title: 'Not available at the moment' },
};

/** Turns whatever a route throws into a problem document; what nobody foresaw is logged and told without details. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = this.problemOf(error);
    if (problem.status >= 500 && !(error instanceof Fault)) {
      this.logger.error(error instanceof Error ? (error.stack ?? error.message) : messageOf(error));
    }
    const retryAfter = problem.data?.['retryAfterSeconds'];
    if (typeof retryAfter === 'number') void reply.header('retry-after', String(retryAfter));
    void reply
      .status(problem.status)
      .header('content-type', 'application/problem+json')
      .send(problem);
  }

  private problemOf(error: unknown): Problem {
    const traceId = trace.getActiveSpan()?.spanContext().traceId;
    const tail = traceId === undefined ? {} : { traceId };
    if (error instanceof Fault) return { ...problemOfFault(error), ...tail };
    const status = statusOf(error);
    const known = status !== undefined && status < 500;
    return {
      type: 'about:blank',
      title: known ? 'The request is not valid' : 'Something went wrong in Reinstate',
      status: status ?? 500,
      code: known ? 'request-refused' : 'internal',
      detail: known ? messageOf(error) : 'this is a fault of ours; the log has it under this time',
      ...tail,
    };
  }
}

function problemOfFault(fault: Fault): Problem {
  const { status, title } = statuses[fault.kind];
  return {
    type: 'about:blank',
    title,
    status,
    code: fault.code,
    detail: fault.message,
    ...fault.details,
  };
}

/** Status of Nest's own exceptions and of Fastify's errors (a body that is no JSON, one that is too large). */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (
    typeof error === 'object' &&
    error !== null &&
    'statusCode' in error &&
    typeof error.statusCode === 'number'
  ) {
    return error.statusCode;
  }
  return undefined;
}
