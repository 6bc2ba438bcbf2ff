import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiQuery, ApiResponse, type ApiResponseOptions } from '@nestjs/swagger';
import { z } from 'zod';

type JsonSchema = Record<string, unknown>;

/** A zod schema as JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const described: JsonSchema = z.toJSONSchema(withoutPreprocessing(schema), {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: json }) => {
      if (zodSchema._zod.def.type === 'date')
        Object.assign(json, { type: 'string', format: 'date-time' });
    },
  });
  delete described['$schema'];
  return described;
}

/** `z.preprocess` takes anything; what is meant is the schema behind it. */
function withoutPreprocessing(schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodPipe)) return schema;
  const { in: first, out } = schema.def;
  return first instanceof z.ZodTransform && out instanceof z.ZodType ? out : schema;
}

/** Documents a body that `ZodPipe` parses. */
export const ZodBody = (schema: z.ZodType): MethodDecorator =>
  ApiBody({ schema: jsonSchema(schema, 'input') });

/** Documents the query that `ZodPipe` parses, one parameter per field. */
export const ZodQuery = (schema: z.ZodObject): MethodDecorator =>
  applyDecorators(
    ...Object.entries(schema.shape).map(([name, field]) =>
      ApiQuery({
        name,
        required: !(field as z.ZodType).safeParse(undefined).success,
        schema: jsonSchema(field as z.ZodType, 'input'),
      }),
    ),
  );

const problemSchema = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status', 'code', 'detail'],
  additionalProperties: false,
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'stable, for programs' },
    detail: { type: 'string', description: 'what, why and the way out, for people' },
    fields: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'message'],
        additionalProperties: false,
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
    data: { type: 'object' },
    traceId: { type: 'string' },
  },
};

/** What every route answers where it does not answer as documented; given to the document as a whole. */
export const refusedAnswer: ApiResponseOptions = {
  description: 'refused or failed',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** Documents the JSON that a route answers with. */
export const ZodAnswer = (
  schema: z.ZodType,
  options: { status?: number; description?: string } = {},
): MethodDecorator =>
  ApiResponse({
    status: options.status ?? 200,
    description: options.description ?? '',
    schema: jsonSchema(schema, 'output'),
  });

/** Documents an answer that is no JSON: text of this media type. */
export const TextAnswer = (mediaType: string): MethodDecorator =>
  ApiResponse({
    status: 200,
    description: '',
    content: { [mediaType]: { schema: { type: 'string' } } },
  });

/** The schema of a page of items, for documents. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}
