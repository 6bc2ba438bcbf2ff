import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Fault } from '../platform/errors.js';
import { AccessService } from './access.service.js';
import { needsKey, type RequestWithCaller } from './needs.decorator.js';
import { RefusalLimit } from './refusal-limit.js';
import { allows, type Role } from './role.js';
import { tokenOf } from './token.js';

/** Lets a request in by its token and role. Everything but health needs one. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly access: AccessService,
    private readonly refusals: RefusalLimit,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const needed =
      this.reflector.getAllAndOverride<Role | 'nobody' | undefined>(needsKey, [
        context.getHandler(),
        context.getClass(),
      ]) ?? 'viewer';
    if (needed === 'nobody') return true;
    const request = context.switchToHttp().getRequest<RequestWithCaller>();
    await this.refusals.check(request.ip);
    const token = tokenOf(request.headers['authorization']);
    const caller = token === undefined ? undefined : await this.access.authenticate(token);
    if (caller === undefined) {
      await this.refusals.count(request.ip);
      throw new Fault(
        'unauthenticated',
        'token-refused',
        'this needs a token that is known, not expired and not revoked: send it as "Authorization: Bearer rst_..."',
      );
    }
    if (!allows(caller.role, needed)) {
      throw new Fault(
        'forbidden',
        'role-too-low',
        `this needs the role ${needed}; this token has the role ${caller.role}`,
      );
    }
    request.caller = caller;
    return true;
  }
}
