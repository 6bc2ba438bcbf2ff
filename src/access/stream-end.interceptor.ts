import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import { Reflector } from '@nestjs/core';
import { exhaustMap, filter, interval, takeUntil, type Observable } from 'rxjs';
import { present } from '../platform/assert.js';
import { AccessService } from './access.service.js';
import type { RequestWithCaller } from './needs.decorator.js';

/** Soon enough for whoever revokes a token, and one small read for each open stream. */
const lookEveryMs = 2_000;

/**
 * The door looks at a token once, when a request begins; a stream of server-sent events goes on for hours.
 * It ends within seconds once its token was revoked, has expired, or its person was disabled. Its reader
 * comes back, and is refused at the door.
 */
@Injectable()
export class StreamEndInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly access: AccessService,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const isStream =
      this.reflector.get<boolean | undefined>(SSE_METADATA, context.getHandler()) === true;
    if (!isStream) return next.handle();
    const { caller } = context.switchToHttp().getRequest<RequestWithCaller>();
    const { tokenId } = present(caller, 'the door has found the caller');
    return next.handle().pipe(takeUntil(this.refusalOf(tokenId)));
  }

  private refusalOf(tokenId: string): Observable<boolean> {
    return interval(lookEveryMs).pipe(
      exhaustMap(() => this.access.isGood(tokenId)),
      filter((good) => !good),
    );
  }
}
