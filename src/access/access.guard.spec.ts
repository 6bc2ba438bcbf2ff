import { describe, expect, it } from '@jest/globals';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AccessGuard } from './access.guard.js';
import type { Caller } from './caller.js';
import { wayOf } from './door.js';
import { Needs, Open } from './needs.decorator.js';
import type { Role } from './role.js';

@Needs('admin')
class Routes {
  @Needs('viewer')
  read(): void {}

  @Needs('ingest', 'responder')
  deliver(): void {}

  @Open()
  health(): void {}

  ofTheClass(): void {}
}

class SilentRoutes {
  read(): void {}
}

const guard = new AccessGuard(new Reflector());
const callerOf = (role: Role): Caller => ({
  personId: '1',
  name: 'x',
  kind: 'person',
  role,
  tokenId: '2',
});

function enter(role: Role | undefined, type: typeof Routes | typeof SilentRoutes, name: string) {
  const request = role === undefined ? {} : { caller: callerOf(role) };
  const handler = Object.getOwnPropertyDescriptor(type.prototype, name)?.value as () => void;
  return guard.canActivate(new ExecutionContextHost([request], type, handler));
}

describe('the guard', () => {
  it('goes by the route before its controller', () => {
    expect(enter('viewer', Routes, 'read')).toBe(true);
    expect(() => enter('viewer', Routes, 'ofTheClass')).toThrow(
      'this needs the role admin; this token has the role viewer',
    );
    expect(enter('admin', Routes, 'ofTheClass')).toBe(true);
  });

  it('takes any of the roles that a route names', () => {
    expect(enter('ingest', Routes, 'deliver')).toBe(true);
    expect(enter('approver', Routes, 'deliver')).toBe(true);
    expect(() => enter('viewer', Routes, 'deliver')).toThrow('the role ingest or responder');
  });

  it('asks for a viewer where nothing is said', () => {
    expect(enter('viewer', SilentRoutes, 'read')).toBe(true);
    expect(() => enter('metrics', SilentRoutes, 'read')).toThrow('the role viewer');
  });

  it('lets nobody in whom the door has not seen, save to what is open', () => {
    expect(() => enter(undefined, SilentRoutes, 'read')).toThrow('the door stands before');
    expect(enter(undefined, Routes, 'health')).toBe(true);
  });
});

describe('the door', () => {
  it.each([
    ['/health/live', 'open'],
    ['/health/ready', 'open'],
    ['/health/other', 'api'],
    ['/metrics', 'api'],
    ['/api/docs', 'documents'],
    ['/api/docs/', 'documents'],
    ['/api/docs/*', 'documents'],
    ['/api/openapi.json', 'documents'],
    ['/api/v1/docs', 'api'],
    ['/api/v1/persons/me', 'api'],
    [undefined, 'api'],
  ])('takes %s for %s', (route, way) => {
    expect(wayOf(route)).toBe(way);
  });
});
