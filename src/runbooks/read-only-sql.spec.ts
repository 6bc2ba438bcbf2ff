import { describe, expect, it } from '@jest/globals';
import { urlFault } from './allowed-url.js';
import { boundQuery, queryFaults } from './read-only-sql.js';

describe('a query of a check', () => {
  it.each([
    'SELECT 1',
    " select count(*) from shop.orders where status = 'deleted; update' -- insert into\n",
    'WITH a AS (SELECT 1) SELECT * FROM a;',
    'VALUES (1)',
    'TABLE shop.orders',
    '(SELECT 1) UNION (SELECT 2)',
    '/* DELETE */ SELECT "update", $$ insert $$ FROM a',
    'SELECT updated_at, deleted FROM a WHERE id = ANY({{ orders }}::bigint[])',
    "SELECT 'for update'",
  ])('may be %s', (query) => {
    expect(queryFaults(query)).toEqual([]);
  });

  it.each([
    ['', /not nothing/],
    ['DELETE FROM a', /not DELETE/],
    ['EXPLAIN ANALYZE SELECT 1', /not EXPLAIN/],
    ['SELECT 1; SELECT 2', /one statement/],
    ['WITH gone AS (DELETE FROM a RETURNING *) SELECT * FROM gone', /DELETE writes/],
    ['SELECT * INTO b FROM a', /INTO writes/],
    ['SELECT * FROM a FOR NO KEY UPDATE', /locks rows/],
    ['SELECT pg_sleep(1)', /pg_sleep\(\) does more/],
    ["SELECT set_config('transaction_read_only', 'off', true)", /set_config\(\)/],
    ['SELECT * FROM a WHERE id = $1', /\{\{ name \}\}/],
    ["SELECT '{{ orders }}'", /stands in quotes/],
  ])('may not be %s', (query, words) => {
    expect(queryFaults(query).map(({ message }) => message)).toEqual([
      expect.stringMatching(words),
    ]);
  });

  it('gets its values as parameters', () => {
    const values = new Map([['shop.id', "a'b"]]);
    expect(
      boundQuery('SELECT {{ shop.id }}, {{ orders }}::text[], {{ shop.id }};', values),
    ).toEqual({ text: 'SELECT $1, $2::text[], $1', values: ["a'b", null] });
  });
});

describe('an address', () => {
  const allowed = ['shop.example.com', '127.0.0.1:8080'];
  it.each([
    'https://shop.example.com/health?order={{ orders }}',
    'http://shop.example.com:80/',
    'http://127.0.0.1:8080/x',
  ])('may be %s', (url) => {
    expect(urlFault(url, allowed)).toBeUndefined();
  });

  it.each([
    'https://shop.example.com.evil.example/',
    'https://shop.example.com:444/',
    'http://127.0.0.1/',
    'https://user:word@shop.example.com/',
    'https://shop.example.com@evil.example/',
    'https://{{ shop.id }}.example.com/',
    'file:///etc/passwd',
    'shop.example.com',
  ])('may not be %s', (url) => {
    expect(urlFault(url, allowed)).toEqual(expect.any(String));
  });
});
