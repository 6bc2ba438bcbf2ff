import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger as Pino } from 'pino';
import { pinoHttp } from 'pino-http';
import { withLogContext, type LogFields } from '../telemetry/log-context.js';
import { traceIdOf } from '../telemetry/trace.js';
import { presentTraceId } from '../telemetry/tracing/span.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Which field of a log line the part after this word of a path is; what has another form is no id of ours. */
const subjects: Readonly<Record<string, { field: keyof LogFields; form: RegExp }>> = {
  shops: { field: 'shop', form: /^[a-z0-9][a-z0-9-]{0,62}$/ },
  orders: { field: 'order_id', form: /^[\w.#:-]{1,100}$/ },
  findings: { field: 'finding_id', form: uuid },
  alerts: { field: 'alert_id', form: uuid },
  incidents: { field: 'incident_id', form: uuid },
  cases: { field: 'case_id', form: uuid },
  'restore-plans': { field: 'restore_plan_id', form: uuid },
  'restore-runs': { field: 'restore_run_id', form: uuid },
};

/** What a request is about, by its path. */
export function fieldsOfPath(url: string): LogFields {
  const parts = (url.split('?')[0] ?? '').split('/');
  const fields: Partial<Record<keyof LogFields, string>> = {};
  parts.forEach((part, index) => {
    const subject = Object.hasOwn(subjects, part) ? subjects[part] : undefined;
    const id = decoded(parts[index + 1] ?? '').replace(/\.sql$/, '');
    if (subject?.form.test(id) === true) fields[subject.field] = id;
  });
  return fields;
}

/** The path as it may be logged: without the query, and without the id of a customer. */
export function loggedPath(url: string): string {
  return (url.split('?')[0] ?? '').replace(/(\/customers\/)[^/]+/, '$1-');
}

/**
 * Logs each request when it has been answered, and gives whatever is logged meanwhile its `trace_id` (the
 * caller's, by `traceparent`, or a new one) and the ids that its path names. Call it before other hooks but
 * those of `traceRequests`.
 */
export function logRequests(app: NestFastifyApplication, log: Pino): void {
  const server = app.getHttpAdapter().getInstance();
  const note = requestNotes(log);
  server.addHook('onRequest', (request, reply, done) => {
    note(request.raw, reply.raw);
    withLogContext(contextOf(request.raw), done);
  });
  // reading the body leaves the context of the hooks before it
  server.addHook('preHandler', (request, _reply, done) =>
    withLogContext(contextOf(request.raw), done),
  );
}

function contextOf(request: IncomingMessage): LogFields {
  const { id } = request;
  return { trace_id: typeof id === 'string' ? id : null, ...fieldsOfPath(request.url ?? '') };
}

function requestNotes(log: Pino) {
  return pinoHttp({
    logger: log,
    genReqId: (request) =>
      traceIdOf(headerOf(request)) ?? presentTraceId() ?? randomBytes(16).toString('hex'),
    quietReqLogger: true,
    customAttributeKeys: { reqId: 'trace_id' },
    customProps: (request) => ({ event: 'request-answered', ...fieldsOfPath(request.url ?? '') }),
    autoLogging: { ignore: (request) => /^\/(health|metrics)/.test(request.url ?? '') },
    customLogLevel: (_request, response, error) =>
      error !== undefined || response.statusCode >= 500
        ? 'error'
        : response.statusCode >= 400
          ? 'warn'
          : 'debug',
    serializers: {
      // neither headers nor query: they may hold tokens and customers' words
      req: (request: { method: string; url: string }) => ({
        method: request.method,
        path: loggedPath(request.url),
      }),
      res: (response: { statusCode: number }) => ({ status: response.statusCode }),
    },
  });
}

function headerOf({ headers }: IncomingMessage): string | undefined {
  const header = headers['traceparent'];
  return typeof header === 'string' ? header : undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
