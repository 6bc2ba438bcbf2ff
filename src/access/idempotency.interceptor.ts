import { createHash } from 'node:crypto';
import {
  applyDecorators,
  HttpException,
  Injectable,
  SetMetadata,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiHeader } from '@nestjs/swagger';
import { catchError, mergeMap, of, type Observable } from 'rxjs';
import { present } from '../platform/assert.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { Fault, messageOf } from '../platform/errors.js';
import { Log } from '../platform/telemetry/log.js';
import { judgeRepetition, type RequestFingerprint } from './idempotency.js';
import { IdempotencyStore } from './idempotency.store.js';
import type { RequestWithCaller } from './needs.decorator.js';

const idempotentKey = 'reinstate:idempotent';
const keyLengthMax = 255;

/**
 * A route that starts something: with an `Idempotency-Key` header, its repetition gets the first answer
 * instead of doing it twice. The answer is stored for a day: not for routes that answer with a secret.
 */
export const Idempotent = (): MethodDecorator =>
  applyDecorators(
    SetMetadata(idempotentKey, true),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'any text that is new for each intention; the same request under the same key is done once',
      schema: { type: 'string', minLength: 1, maxLength: keyLengthMax },
    }),
  );

interface Answering {
  statusCode: number;
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

/** Answers a repeated request as the first one was answered, and refuses the same key for another request. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  private readonly log = new Log('Idempotency');

  constructor(
    private readonly reflector: Reflector,
    private readonly store: IdempotencyStore,
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<RequestWithCaller>();
    const key = request.headers['idempotency-key'];
    const asked =
      this.reflector.get<boolean | undefined>(idempotentKey, context.getHandler()) === true;
    if (!asked || key === undefined) return next.handle();
    const use = { personId: personOf(request), key: checkedKey(key) };
    const now = this.clock.now();
    const asking = fingerprintOf(request);
    const earlier = await this.store.reserve(this.database, { ...use, ...asking, now });
    const response = http.getResponse<Answering>();
    if (earlier === undefined) return this.first(next, { ...use, response });
    const answered = judgeRepetition(earlier, { asking, now });
    response.status(answered.status);
    response.header('idempotency-replayed', 'true');
    return of(answered.answer);
  }

  /** The first request of a key. A refusal did nothing and frees the key; any other failure may have done something. */
  private first(
    next: CallHandler,
    use: { personId: string; key: string; response: Answering },
  ): Observable<unknown> {
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        if (isRefusal(error)) await this.forget(use);
        throw error;
      }),
      mergeMap(async (answer: unknown) => {
        await this.complete({ ...use, status: use.response.statusCode, answer });
        return answer;
      }),
    );
  }

  /** Where the key cannot be freed, the caller is still told why the request was refused. */
  private async forget(use: Parameters<IdempotencyStore['forget']>[1]): Promise<void> {
    await this.store.forget(this.database, use).catch((error: unknown) => {
      this.log.error(
        { event: 'key-not-freed' },
        `the key of a refused request could not be freed: ${messageOf(error)}`,
      );
    });
  }

  /** What was done is done: where its answer cannot be kept, the caller still gets it, and a repetition is refused. */
  private async complete(use: Parameters<IdempotencyStore['complete']>[1]): Promise<void> {
    await this.store.complete(this.database, use).catch((error: unknown) => {
      this.log.error(
        { event: 'answer-not-kept' },
        `the answer to a request could not be kept: ${messageOf(error)}`,
      );
    });
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Fault || (error instanceof HttpException && error.getStatus() < 500);
}

function personOf(request: RequestWithCaller): string {
  return present(request.caller, 'the door has found the caller').personId;
}

function checkedKey(key: string | string[]): string {
  if (typeof key === 'string' && key.length >= 1 && key.length <= keyLengthMax) return key;
  throw new Fault(
    'invalid',
    'idempotency-key-invalid',
    `an Idempotency-Key has 1 to ${keyLengthMax} characters`,
  );
}

function fingerprintOf(request: RequestWithCaller): RequestFingerprint {
  const body = JSON.stringify(request.body ?? null);
  return {
    request: `${request.method} ${request.url}`,
    requestHash: createHash('sha256').update(body).digest(),
  };
}
