import { rowKeyText } from './row-change.js';

describe('the text of a row’s key', () => {
  it.each([
    [['4711']],
    [['']],
    [['7f1c0e9a-52b1-4a08-9a3b-6f1f6f0a2f11']],
    [['a"b']],
    [['a\\b']],
    [['a\nb']],
    [['b\n']],
    [['Zoë']],
    [['a', 'b']],
    [[]],
  ])('is the JSON of %j, however it is made', (key) => {
    expect(rowKeyText(key)).toBe(JSON.stringify(key));
  });
});
