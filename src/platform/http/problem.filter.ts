import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Fault, messageOf, type FaultKind } from '../errors.js';
import { Log } from '../telemetry/log.js';

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

/** What Nest and Fastify refuse by themselves, by status: the word for programs and the one for people. */
const refusals: Readonly<Record<number, { code: string; title: string; detail?: string }>> = {
  400: { code: 'request-invalid', title: statuses.invalid.title },
  404: {
    code: 'route-unknown',
    title: statuses.missing.title,
    detail: 'there is no such path; /api/docs shows those that there are',
  },
  405: { code: 'method-not-allowed', title: 'Not allowed' },
  413: {
    code: 'body-too-large',
    title: 'The request is too large',
    detail: 'the body is larger than the service takes; send it in parts',
  },
  415: {
    code: 'media-type-unknown',
    title: statuses.invalid.title,
    detail: 'bodies are JSON: send "Content-Type: application/json"',
  },
};

/** Codes of Node and PostgreSQL that mean: the other side is not there (any more). */
const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  // the server ended a transaction in which we were silent for too long
  '25P03',
  '57P01',
  '57P02',
  '57P03',
  '08006',
  '08001',
]);

/** Turns whatever a route throws into a problem document; what nobody foresaw is logged and told without details. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Log('Http');

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const request = host.switchToHttp().getRequest<{ raw: { id?: unknown } }>();
    const problem = { ...problemOf(error), ...traceOf(request.raw) };
    if (problem.status >= 500 && !(error instanceof Fault)) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.log.error({ event: 'request-failed', code: problem.code, stack }, messageOf(error));
    }
    if (reply.raw.headersSent) {
      // a stream that broke off: its reader sees the end, and asks again
      reply.raw.destroy();
      return;
    }
    const retryAfter = problem.data?.['retryAfterSeconds'];
    if (typeof retryAfter === 'number') void reply.header('retry-after', String(retryAfter));
    void reply
      .status(problem.status)
      .header('content-type', 'application/problem+json')
      .send(problem);
  }
}

/** The request's trace, under which the log has it too. */
function traceOf({ id }: { id?: unknown }): Pick<Problem, 'traceId'> {
  return typeof id === 'string' ? { traceId: id } : {};
}

/** The problem document of anything that was thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Fault) return problemOfFault(error);
  const status = statusOf(error);
  if (status !== undefined && status < 500) return problemOfRefusal(error, status);
  return isUnreachable(error) ? awayProblem : internalProblem;
}

const awayProblem: Problem = {
  type: 'about:blank',
  title: statuses.unavailable.title,
  status: statuses.unavailable.status,
  code: 'dependency-unreachable',
  detail: 'a server that this needs does not answer; the log says which, try again in a moment',
};

const internalProblem: Problem = {
  type: 'about:blank',
  title: 'Something went wrong in Reinstate',
  status: 500,
  code: 'internal',
  detail: 'this is a fault of ours; the log has it under this trace id',
};

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

function problemOfRefusal(error: unknown, status: number): Problem {
  const known = refusals[status];
  return {
    type: 'about:blank',
    title: known?.title ?? statuses.invalid.title,
    status,
    code: known?.code ?? 'request-refused',
    detail: known?.detail ?? messageOf(error),
  };
}

function isUnreachable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnreachable);
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    unreachable.has(String(error.code))
  );
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

/** Answers what Fastify refuses before it looks for a route: an address that cannot be decoded. */
export function answerFrameworkError(error: unknown, _request: unknown, reply: FastifyReply): void {
  const problem = problemOf(error);
  void reply
    .status(problem.status)
    .header('content-type', 'application/problem+json')
    .send(problem);
}
