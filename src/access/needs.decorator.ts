import {
  createParamDecorator,
  SetMetadata,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';
import type { Caller } from './caller.js';
import type { Role } from './role.js';

export const needsKey = 'reinstate:needs';

/**
 * The role that a route (or all routes of a controller) asks for; where several are named, any of them
 * will do. Routes that say nothing need `viewer`.
 */
export const Needs = (...roles: [Role, ...Role[]]): CustomDecorator => SetMetadata(needsKey, roles);

/** Open to everybody: health only, which is the one thing that the door lets pass without a token. */
export const Open = (): CustomDecorator => SetMetadata(needsKey, 'nobody');

/** A request on which the door has put its caller. */
export interface RequestWithCaller {
  caller?: Caller;
  headers: Record<string, string | string[] | undefined>;
  ip: string;
  method: string;
  url: string;
  body: unknown;
}

/** Who makes the request; only on routes that need a token. */
export const CallerOf = createParamDecorator(
  (_data: unknown, context: ExecutionContext): Caller | undefined => {
    return context.switchToHttp().getRequest<RequestWithCaller>().caller;
  },
);
