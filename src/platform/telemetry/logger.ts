import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Params } from 'nestjs-pino';
import { destination, type DestinationStream } from 'pino';

/** What must never reach a log, should an object that holds it be logged. */
const secrets = [
  '*.password',
  '*.secret',
  '*.token',
  '*.authorization',
  'req.headers.authorization',
  'req.headers.cookie',
];

/**
 * One JSON object a line, to stderr (stdout is for people), without personal data. Whatever is logged
 * while a request is answered carries its `trace_id`: the caller's, by `traceparent`, or a new one.
 */
export function loggerOptions(
  level: string,
  stream: DestinationStream = destination({ dest: 2, sync: false }),
): Params {
  return {
    pinoHttp: {
      level,
      stream,
      redact: { paths: secrets, censor: '[redacted]' },
      genReqId: traceIdOf,
      quietReqLogger: true,
      customAttributeKeys: { reqId: 'trace_id' },
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
          path: request.url.split('?')[0],
        }),
        res: (response: { statusCode: number }) => ({ status: response.statusCode }),
      },
    },
  };
}

/** The trace id of a W3C `traceparent` header, or a new one. */
export function traceIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const header = request.headers['traceparent'];
  const match = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(
    typeof header === 'string' ? header : '',
  );
  return match?.[1] ?? randomBytes(16).toString('hex');
}
