import { describe, expect, it } from '@jest/globals';
import { allows, roles, type Role } from './role.js';

describe('roles', () => {
  it.each<[Role, Role, boolean]>([
    ['viewer', 'viewer', true],
    ['viewer', 'responder', false],
    ['responder', 'viewer', true],
    ['responder', 'approver', false],
    ['approver', 'responder', true],
    ['approver', 'admin', false],
    ['admin', 'approver', true],
    ['admin', 'metrics', true],
    ['metrics', 'viewer', false],
    ['metrics', 'metrics', true],
    ['ingest', 'metrics', false],
    ['viewer', 'metrics', false],
    ['approver', 'ingest', false],
  ])('a %s token asked for %s: %s', (held, needed, allowed) => {
    expect(allows(held, [needed])).toBe(allowed);
  });

  it('suffice where one of several does', () => {
    expect(allows('ingest', ['responder', 'ingest'])).toBe(true);
    expect(allows('viewer', ['responder', 'ingest'])).toBe(false);
  });

  it('open nothing where none is named', () => {
    expect(roles.filter((role) => allows(role, []))).toEqual([]);
  });
});
