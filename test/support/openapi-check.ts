/** As much of an OpenAPI 3.1 document as the tests look at. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly securitySchemes?: Readonly<Record<string, unknown>> };
}

export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly parameters?: readonly { name: string; in: string; schema?: unknown }[];
  readonly requestBody?: { content: Readonly<Record<string, { schema?: unknown }>> };
  readonly responses?: Readonly<Record<string, Answered>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
}

/** What the document says about the answers of one status. */
export interface Answered {
  readonly description?: string;
  readonly content?: Readonly<Record<string, { schema?: unknown }>>;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];

export interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** Every operation of the document. */
export function routesOf(document: OpenApiDocument): Route[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
  );
}

/** What is wrong with the document by OpenAPI 3.1 and by our own rules; empty where nothing is. */
export function faultsOfDocument(document: OpenApiDocument): string[] {
  const routes = routesOf(document);
  const ids = routes.map(({ operation }) => operation.operationId);
  return [
    ...(document.openapi.startsWith('3.1.') ? [] : [`it is of version ${document.openapi}`]),
    ...(document.info.title && document.info.version ? [] : ['it has no title or version']),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} stands twice`),
    ...routes.flatMap((route) =>
      faultsOfRoute(route, document).map((fault) => `${route.method} ${route.path}: ${fault}`),
    ),
  ];
}

function faultsOfRoute({ method, path, operation }: Route, document: OpenApiDocument): string[] {
  const { parameters = [], responses = {}, requestBody, summary, security = [] } = operation;
  const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
  const known = Object.keys(document.components?.securitySchemes ?? {});
  const schemas = [
    ...parameters.map(({ name, schema }) => ({ at: `parameter ${name}`, schema })),
    ...contentsOf('body', requestBody),
    ...Object.entries(responses).flatMap(([status, answer]) => contentsOf(status, answer)),
  ];
  return [
    ...(methods.includes(method) ? [] : ['is no method of ours']),
    ...(path.startsWith('/') ? [] : ['its path does not start with /']),
    ...(summary ? [] : ['has no summary']),
    ...(operation.operationId ? [] : ['has no operationId']),
    ...(placeholders.sort().join() === inPath.sort().join()
      ? []
      : [`names ${inPath.join()} for ${placeholders.join()}`]),
    ...(Object.keys(responses).length > 1 ? [] : ['has no answer']),
    ...('default' in responses ? [] : ['has no refusal']),
    ...Object.entries(responses)
      .filter(([status, { content }]) => (status === '204') !== (content === undefined))
      .map(([status]) => `the answer ${status} has a body that is not described`),
    ...Object.entries(responses)
      .filter(([, answer]) => typeof answer.description !== 'string')
      .map(([status]) => `the answer ${status} has no description`),
    ...security
      .flatMap((entry) => Object.keys(entry))
      .filter((name) => !known.includes(name))
      .map((name) => `names an unknown security scheme ${name}`),
    ...schemas.flatMap(({ at, schema }) =>
      schema === undefined ? [`${at} has no schema`] : faultsOfSchema(schema, at),
    ),
  ];
}

function contentsOf(at: string, holder: Answered | undefined) {
  return Object.values(holder?.content ?? {}).map(({ schema }) => ({ at, schema }));
}

/** What JSON Schema 2020-12 does not allow, as far down as it goes. */
function faultsOfSchema(schema: unknown, at: string): string[] {
  if (typeof schema === 'boolean') return [];
  if (typeof schema !== 'object' || schema === null) return [`${at} is no schema`];
  const { type, nullable, properties, required, items, $ref } = schema as Record<string, unknown>;
  const given = type === undefined ? [] : [type].flat();
  const nested = ['anyOf', 'oneOf', 'allOf'].flatMap((word) => {
    const options = (schema as Record<string, unknown>)[word];
    return Array.isArray(options) ? (options as unknown[]) : [];
  });
  return [
    ...given
      .filter((name) => typeof name !== 'string' || !types.includes(name))
      .map((name) => `${at} has type ${JSON.stringify(name)}`),
    ...(nullable === undefined ? [] : [`${at} says nullable, as OpenAPI 3.0 did`]),
    ...($ref === undefined
      ? []
      : [`${at} refers to ${JSON.stringify($ref)}: schemas of ours stand in place`]),
    ...(Array.isArray(required) || required === undefined
      ? []
      : [`${at} has a required that is no list`]),
    ...Object.entries(properties ?? {}).flatMap(([name, child]) =>
      faultsOfSchema(child, `${at}.${name}`),
    ),
    ...(items === undefined ? [] : faultsOfSchema(items, `${at}[]`)),
    ...nested.flatMap((child) => faultsOfSchema(child, at)),
  ];
}

/** Whether a dotted path leads to something in what the schema describes; lists are looked into. */
export function hasField(schema: unknown, path: string): boolean {
  return leadsTo(schema, path.split('.'));
}

function leadsTo(schema: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (typeof schema !== 'object' || schema === null) return false;
  const { properties, additionalProperties, items, anyOf, oneOf } = schema as {
    properties?: Record<string, unknown>;
    additionalProperties?: unknown;
    items?: unknown;
    anyOf?: unknown[];
    oneOf?: unknown[];
  };
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return choices.some((choice) => leadsTo(choice, [name, ...rest]));
  if (items !== undefined) return leadsTo(items, [name, ...rest]);
  if (properties !== undefined && name in properties) return leadsTo(properties[name], rest);
  return typeof additionalProperties === 'object' && leadsTo(additionalProperties, rest);
}
