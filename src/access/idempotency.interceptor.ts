import { createHash } from 'node:crypto';
import {
  Injectable,
  SetMetadata,
  type CallHandler,
  type CustomDecorator,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { catchError, from, mergeMap, of, type Observable } from 'rxjs';
import { present } from '../platform/assert.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database/database.js';
import { Fault } from '../platform/errors.js';
import { IdempotencyStore, type IdempotentAnswer } from './idempotency.store.js';
import type { RequestWithCaller } from './needs.decorator.js';

const idempotentKey = 'reinstate:idempotent';

/** A route that starts something: with an `Idempotency-Key` header, its repetition gets the first answer. */
export const Idempotent = (): CustomDecorator => SetMetadata(idempotentKey, true);

interface Answering {
  statusCode: number;
  status(code: number): unknown;
}

/** Answers a repeated request as the first one was answered, and refuses the same key for another request. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
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
    if (key.length < 1 || key.length > 255) {
      throw new Fault(
        'invalid',
        'idempotency-key-invalid',
        'an Idempotency-Key has 1 to 255 characters',
      );
    }
    const use = { personId: present(request.caller, 'the guard has run').personId, key };
    const earlier = await this.store.reserve(this.database, {
      ...use,
      ...fingerprint(request),
      now: this.clock.now(),
    });
    if (earlier !== undefined) return of(repeated(earlier, request, http.getResponse<Answering>()));
    return next.handle().pipe(
      mergeMap(async (answer: unknown) => {
        const status = http.getResponse<Answering>().statusCode;
        await this.store.complete(this.database, { ...use, status, answer });
        return answer;
      }),
      catchError((error: unknown) =>
        from(this.store.forget(this.database, use)).pipe(
          mergeMap(() => {
            throw error;
          }),
        ),
      ),
    );
  }
}

function fingerprint(request: RequestWithCaller): { request: string; requestHash: Buffer } {
  const body = JSON.stringify(request.body ?? null);
  return {
    request: `${request.method} ${request.url}`,
    requestHash: createHash('sha256').update(body).digest(),
  };
}

function repeated(
  earlier: IdempotentAnswer,
  request: RequestWithCaller,
  response: Answering,
): unknown {
  const now = fingerprint(request);
  if (earlier.request !== now.request || !earlier.requestHash.equals(now.requestHash)) {
    throw new Fault(
      'conflict',
      'idempotency-key-reused',
      'this Idempotency-Key was used for another request; take a new one',
    );
  }
  if (earlier.status === null) {
    throw new Fault(
      'conflict',
      'request-under-way',
      'the first request with this Idempotency-Key is still being answered',
    );
  }
  response.status(earlier.status);
  return earlier.answer;
}
