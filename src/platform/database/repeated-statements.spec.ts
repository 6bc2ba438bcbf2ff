import { expect, test } from '@jest/globals';
import { RepeatedStatements } from './repeated-statements.js';

function asked(statements: RepeatedStatements, text: string, times: number): string | undefined {
  let name: string | undefined;
  for (let time = 0; time < times; time += 1) name = statements.nameOf(text);
  return name;
}

test('a statement has a name of its own once it was asked often', () => {
  const statements = new RepeatedStatements();
  expect(asked(statements, 'SELECT $1', 5)).toBeUndefined();
  const name = asked(statements, 'SELECT $1', 1);
  expect(name).toBeDefined();
  expect(asked(statements, 'SELECT $1', 1)).toBe(name);
  expect(asked(statements, 'SELECT $2', 6)).not.toBe(name);
  // the server cuts off what is longer
  expect(name?.length).toBeLessThan(64);
});

test('what was forgotten comes back under another name', () => {
  const statements = new RepeatedStatements();
  const name = asked(statements, 'SELECT $1', 6);
  statements.forget();
  expect(asked(statements, 'SELECT $1', 5)).toBeUndefined();
  expect(asked(statements, 'SELECT $1', 1)).not.toBe(name);
});

test('a session of the server is told no more than so many names', () => {
  const statements = new RepeatedStatements();
  const named = Array.from({ length: 600 }, (_, place) => asked(statements, `SELECT ${place}`, 6));
  expect(named.filter((name) => name !== undefined)).toHaveLength(500);
});
