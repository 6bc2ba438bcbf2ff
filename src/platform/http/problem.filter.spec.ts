import { describe, expect, it } from '@jest/globals';
import { ForbiddenException, NotFoundException } from '@nestjs/common';
import { Fault } from '../errors.js';
import { problemOf } from './problem.filter.js';

const failed = (fields: object) => Object.assign(new Error('secret words'), fields);

describe('a problem document', () => {
  it('tells a fault with its code, words, fields and data', () => {
    const fault = new Fault('conflict', 'hash-changed', 'the plan has changed', {
      fields: [{ field: 'hash', message: 'is another one' }],
      data: { hash: 'a' },
    });
    expect(problemOf(fault)).toEqual({
      type: 'about:blank',
      title: 'Not possible as things stand',
      status: 409,
      code: 'hash-changed',
      detail: 'the plan has changed',
      fields: [{ field: 'hash', message: 'is another one' }],
      data: { hash: 'a' },
    });
  });

  it('names what the framework refuses', () => {
    expect(problemOf(new NotFoundException('Cannot GET /x'))).toMatchObject({
      status: 404,
      code: 'route-unknown',
    });
    expect(problemOf(failed({ statusCode: 413 }))).toMatchObject({
      status: 413,
      code: 'body-too-large',
    });
    expect(problemOf(new ForbiddenException('no'))).toMatchObject({
      status: 403,
      code: 'request-refused',
    });
  });

  it('keeps what nobody foresaw to itself', () => {
    for (const error of [failed({}), failed({ statusCode: 500 }), 'thrown text', undefined]) {
      const problem = problemOf(error);
      expect(problem).toMatchObject({ status: 500, code: 'internal' });
      expect(JSON.stringify(problem)).not.toMatch(/secret words|thrown text/);
    }
  });

  it('says that a server is away where that is so', () => {
    const both = new AggregateError([failed({ code: 'ECONNREFUSED' }), failed({})]);
    for (const error of [failed({ code: '57P01' }), failed({ code: '25P03' }), both]) {
      expect(problemOf(error)).toMatchObject({ status: 503, code: 'dependency-unreachable' });
    }
  });
});
