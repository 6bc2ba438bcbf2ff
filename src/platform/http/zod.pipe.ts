import { Injectable, type PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { Fault, type FieldFault } from '../errors.js';

/** Parses what crosses the border: every field that is wrong is named, with what would be right. */
@Injectable()
export class ZodPipe<Schema extends z.ZodType> implements PipeTransform<unknown, z.output<Schema>> {
  constructor(private readonly schema: Schema) {}

  transform(value: unknown): z.output<Schema> {
    const parsed = this.schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const fields = fieldFaults(parsed.error);
    const named = fields.map((fault) => `${fault.field}: ${fault.message}`).join('; ');
    throw new Fault(
      'invalid',
      'input-invalid',
      `the request has ${fields.length} fault(s): ${named}`,
      { fields },
    );
  }
}

/** zod's issues as our field faults; `(whole)` stands for the value itself. */
export function fieldFaults(error: z.ZodError): FieldFault[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          field: fieldPath([...issue.path, key]),
          message: 'there is no such field',
        }))
      : [{ field: fieldPath(issue.path), message: issue.message }],
  );
}

function fieldPath(path: readonly PropertyKey[]): string {
  const text = path.reduce<string>(
    (before, part) =>
      typeof part === 'number' ? `${before}[${part}]` : `${before}.${String(part)}`,
    '',
  );
  return text === '' ? '(whole)' : text.replace(/^\./, '');
}
