import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Fault } from '../errors.js';
import { ZodPipe } from './zod.pipe.js';

const schema = z.strictObject({
  name: z.string(),
  lines: z.array(z.strictObject({ quantity: z.int() })).default([]),
});

function fieldsOf(value: unknown) {
  try {
    new ZodPipe(schema).transform(value);
  } catch (error) {
    if (error instanceof Fault) return error.details.fields;
    throw error;
  }
  return undefined;
}

describe('input at the border', () => {
  it('comes out parsed, with its defaults', () => {
    expect(new ZodPipe(schema).transform({ name: 'x' })).toEqual({ name: 'x', lines: [] });
  });

  it('is refused with every fault named by its field', () => {
    const fields = fieldsOf({ lines: [{ quantity: 1 }, { quantity: 1.5 }] });
    expect(fields?.map(({ field }) => field)).toEqual(['name', 'lines[1].quantity']);
  });

  it('has no fields that nobody knows', () => {
    expect(fieldsOf({ name: 'x', nome: 1, lines: [{ quantity: 1, colour: 'red' }] })).toEqual([
      { field: 'lines[0].colour', message: 'there is no such field' },
      { field: 'nome', message: 'there is no such field' },
    ]);
  });

  it('is named as a whole where it is of another kind', () => {
    expect(fieldsOf(null)?.map(({ field }) => field)).toEqual(['(whole)']);
  });
});
