import { z } from 'zod';
import { routesOf, type Answered, type OpenApiDocument, type Route } from './openapi-check.js';

/** A request, and what came back for it. */
export interface Exchange {
  readonly method: string;
  /** as it was asked for, with its query */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  /** undefined for a stream, whose body has no end yet */
  readonly text: string | undefined;
}

/** What Swagger puts beside the routes of the document: itself, and its page. */
const besideTheDocument = /^\/api\/(openapi\.json|docs(-json|-yaml|\/.*)?)$/;

const problemType = 'application/problem+json';

/**
 * The API document as something that answers are held against: each has a status that its route
 * documents, a media type of that status and a body by its schema, no property more and none less.
 */
export class ApiContract {
  /** for each route and status how many answers were looked at */
  readonly seen = new Map<string, number>();
  private readonly routes: readonly (Route & { readonly form: RegExp })[];
  /** What a path answers that is no route: refusals alone, as any route documents them. */
  private readonly refusals: Record<string, Answered> = {};
  private readonly schemas = new Map<object, z.ZodType>();

  constructor(document: OpenApiDocument) {
    this.routes = routesOf(document)
      .map((route) => ({ ...route, form: formOf(route.path) }))
      .sort((one, other) => literals(other.path) - literals(one.path));
    for (const { operation } of this.routes) {
      const refusal = operation.responses?.['default'];
      if (refusal !== undefined) this.refusals['default'] = refusal;
    }
  }

  /** What is wrong with the answer by the document; empty where nothing is. */
  faultsOf(exchange: Exchange): string[] {
    const { method, status } = exchange;
    const path = exchange.path.split('?')[0] ?? '';
    const route = this.routes.find(
      (one) => one.method === method.toLowerCase() && one.form.test(path),
    );
    if (route === undefined && status < 400)
      return besideTheDocument.test(path) ? [] : ['no route of the document answers this'];
    const name = route === undefined ? 'no route' : `${route.method} ${route.path}`;
    this.seen.set(`${name} ${status}`, (this.seen.get(`${name} ${status}`) ?? 0) + 1);
    const responses = route?.operation.responses ?? this.refusals;
    const documented =
      responses[String(status)] ?? (status >= 400 ? responses['default'] : undefined);
    return documented === undefined
      ? [`${name} does not document ${status}`]
      : this.faultsOfBody(documented, exchange).map((fault) => `${name} ${status}: ${fault}`);
  }

  private faultsOfBody({ content }: Answered, { status, contentType, text }: Exchange): string[] {
    if (status === 204) return text === '' && contentType === null ? [] : ['204 has no body'];
    const type = contentType?.split(';')[0] ?? 'nothing';
    const described = new Map(Object.entries(content ?? {}));
    const schema = described.get(type)?.schema;
    if (!isObject(schema)) return [`${type} instead of ${[...described.keys()].join(' or ')}`];
    if (text === undefined) return [];
    const value = /[/+]json$/.test(type) ? jsonOf(text) : text;
    const issues = this.compiled(schema).safeParse(value).error?.issues ?? [];
    const isOfOtherStatus = type === problemType && statusOf(value) !== status;
    return [
      ...issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
      ...(isOfOtherStatus ? ['the problem names another status'] : []),
    ];
  }

  /** Each schema once: it takes far longer to make than to hold an answer against it. */
  private compiled(schema: object): z.ZodType {
    const known = this.schemas.get(schema);
    if (known !== undefined) return known;
    const made = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    this.schemas.set(schema, made);
    return made;
  }
}

/** Undefined, which no schema takes, where it is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function statusOf(problem: unknown): unknown {
  return isObject(problem) && 'status' in problem ? problem.status : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function formOf(template: string): RegExp {
  const parts = template.split(/\{\w+\}/).map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${parts.join('[^/]+')}$`);
}

/** A path with more of its own text is meant before one that has a placeholder there. */
function literals(template: string): number {
  return template.replaceAll(/\{\w+\}/g, '').length;
}
