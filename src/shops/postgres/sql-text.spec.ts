import { Parameters, quoteTable, replaceParameters, withLiterals } from './sql-text.js';

test('names are quoted, whatever they hold', () => {
  expect(quoteTable('public.order')).toBe('"public"."order"');
  expect(quoteTable('a"b.c.d')).toBe('"a""b"."c.d"');
});

test('values become literals where their parameters stand', () => {
  const parameters = new Parameters();
  const text = `SELECT ${parameters.add("it's", 'text')}, ${parameters.add(null, 'bigint')}, ${parameters.add('back\\slash', 'text')}`;
  expect(withLiterals(parameters.statement(text))).toBe(
    `SELECT 'it''s'::text::text, NULL::text::bigint, E'back\\\\slash'::text::text`,
  );
});

test('ten parameters are not mistaken for one', () => {
  const parameters = new Parameters();
  for (let index = 1; index <= 11; index += 1) parameters.add(`v${index}`, 'text');
  expect(withLiterals(parameters.statement('$1 $10 $11'))).toBe("'v1' 'v10' 'v11'");
});

test.each([
  ["'$1' || $1", "'$1' || X"],
  ['"a$1" = $1', '"a$1" = X'],
  ['$tag$ $1 $tag$ = $1', '$tag$ $1 $tag$ = X'],
  ['$$ $1 $$ = $1', '$$ $1 $$ = X'],
  ['-- of $1\n$1', '-- of $1\nX'],
  ['/* $1 */ $1', '/* $1 */ X'],
  ["'it''s $1' = $1", "'it''s $1' = X"],
  [String.raw`E'it\'s $1' = $1`, String.raw`E'it\'s $1' = X`],
])('in %s only the real parameter is replaced', (text, replaced) => {
  expect(replaceParameters(text, () => 'X')).toBe(replaced);
});
