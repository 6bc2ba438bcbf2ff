import { describe, expect, it } from '@jest/globals';
import { fieldsOfPath, loggedPath } from './request-log.js';

const id = '0192f0c1-7a5b-7c3d-8e4f-0123456789ab';

describe('what a request is about', () => {
  it.each([
    [`/api/v1/incidents/${id}/cases?limit=3`, { incident_id: id }],
    [`/api/v1/incidents/${id}/cases/${id}`, { incident_id: id, case_id: id }],
    ['/api/v1/shops/main/orders/A%231001/journal', { shop: 'main', order_id: 'A#1001' }],
    [`/api/v1/restore-runs/${id}/pause`, { restore_run_id: id }],
    [`/api/v1/restore-plans/${id}.sql`, { restore_plan_id: id }],
    ['/api/v1/incidents', {}],
    ['/api/v1/incidents/nobody@example.org', {}],
    ['/api/v1/shops/%zz/orders/a b@c.de', {}],
    ['/constructor/x', {}],
  ])('%s', (path, fields) => {
    expect(fieldsOfPath(path)).toEqual(fields);
  });
});

describe('the path as it is logged', () => {
  it('has neither query nor customer', () => {
    expect(
      loggedPath('/api/v1/shops/main/customers/ann%40example.org/personal-data?reason=x'),
    ).toBe('/api/v1/shops/main/customers/-/personal-data');
  });
});
