import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { present } from '../platform/assert.js';
import { roleTooLow } from './door.js';
import { needsKey, type RequestWithCaller } from './needs.decorator.js';
import { allows, type Role } from './role.js';

const unlessSaid: readonly Role[] = ['viewer'];

/** Lets a caller do what their role allows. Who they are, the door found out before. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const needed =
      this.reflector.getAllAndOverride<readonly Role[] | 'nobody' | undefined>(needsKey, [
        context.getHandler(),
        context.getClass(),
      ]) ?? unlessSaid;
    if (needed === 'nobody') return true;
    const request = context.switchToHttp().getRequest<RequestWithCaller>();
    const caller = present(request.caller, 'the door stands before every route that needs a role');
    if (!allows(caller.role, needed)) throw roleTooLow(caller, needed);
    return true;
  }
}
