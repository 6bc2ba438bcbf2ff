import { describe, expect, it } from '@jest/globals';
import { ApiContract, type Exchange } from '../support/api-contract.js';
import type { OpenApiDocument } from '../support/openapi-check.js';

const closed = { type: 'object', additionalProperties: false };
const problem = {
  ...{ ...closed, required: ['status', 'code'] },
  properties: { status: { type: 'integer' }, code: { type: 'string' } },
};
const refused = {
  description: '',
  content: { 'application/problem+json': { schema: problem } },
};
const thing = {
  ...{ ...closed, required: ['id', 'at'] },
  properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
};
const answering = (type: string, schema: unknown) => ({
  description: '',
  content: { [type]: { schema } },
});
const things: OpenApiDocument = {
  openapi: '3.1.0',
  info: { title: 'Things', version: '1' },
  paths: {
    '/things/{id}': {
      get: { responses: { 200: answering('application/json', thing), default: refused } },
      delete: { responses: { 204: { description: '' }, default: refused } },
    },
    '/things/{id}.sql': {
      get: { responses: { 200: answering('application/sql', { type: 'string' }) } },
    },
    '/things/newest': {
      get: { responses: { 200: answering('application/json', { const: 'none' }) } },
    },
  },
};

const json = (value: unknown) => ({
  contentType: 'application/json; charset=utf-8',
  text: JSON.stringify(value),
});
const refusal = (value: unknown) => ({ ...json(value), contentType: 'application/problem+json' });
const good = { id: 'a', at: '2026-11-22T03:00:00.000Z' };

function faultsOf(given: Partial<Exchange>): string[] {
  const exchange = { method: 'GET', path: '/things/a?limit=1', status: 200, ...json(good) };
  return new ApiContract(things).faultsOf({ ...exchange, ...given });
}

describe('an answer as the document says', () => {
  it.each<[string, Partial<Exchange>]>([
    ['of a route with an id', {}],
    ['of a path that stands there as it is', { path: '/things/newest', ...json('none') }],
    ['that is no JSON', { path: '/things/a.sql', contentType: 'application/sql', text: 'SELECT' }],
    ['that has no body', { method: 'DELETE', status: 204, contentType: null, text: '' }],
    ['that is a refusal', { status: 404, ...refusal({ status: 404, code: 'x' }) }],
    ['of no route', { path: '/else', status: 404, ...refusal({ status: 404, code: 'x' }) }],
    ['beside the document', { path: '/api/docs', contentType: 'text/html', text: '<html>' }],
  ])('%s is fine', (_what, given) => {
    expect(faultsOf(given)).toEqual([]);
  });
});

describe('an answer otherwise than the document says', () => {
  it.each<[string, Partial<Exchange>, RegExp]>([
    ['a status', { status: 201 }, /does not document 201/],
    ['a property more', json({ ...good, name: 'x' }), /name/],
    ['a property less', json({ id: 'a' }), /at/],
    ['another form', json({ ...good, at: 'yesterday' }), /at: /],
    ['no JSON', { text: '{' }, /expected object/],
    ['another media type', { contentType: 'text/html' }, /text\/html instead of application\/json/],
    ['no media type', { contentType: null }, /nothing instead of/],
    ['a body where none is', { method: 'DELETE', status: 204 }, /204 has no body/],
    ['a refusal as plain JSON', { status: 404, ...json({ status: 404, code: 'x' }) }, /instead of/],
    ['a refusal without its code', { status: 404, ...refusal({ status: 404 }) }, /code/],
    [
      'a refusal of another status',
      { status: 404, ...refusal({ status: 400, code: 'x' }) },
      /another status/,
    ],
    ['a route that is not there', { path: '/else' }, /no route of the document/],
    ['a script as a thing', { path: '/things/a.sql' }, /instead of application\/sql/],
  ])('%s is a fault', (_what, given, fault) => {
    const faults = faultsOf(given);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(fault);
  });
});
