import { trace } from '@opentelemetry/api';
import type { Params } from 'nestjs-pino';
import { destination } from 'pino';

/** What must never reach a log, should an object that holds it be logged. */
const secrets = [
  '*.password',
  '*.secret',
  '*.token',
  '*.authorization',
  'req.headers.authorization',
  'req.headers.cookie',
];

/** One JSON object a line, to stderr (stdout is for people); with the trace it belongs to, without personal data. */
export function loggerOptions(level: string): Params {
  return {
    pinoHttp: {
      level,
      stream: destination({ dest: 2, sync: false }),
      redact: { paths: secrets, censor: '[redacted]' },
      mixin: () => {
        const context = trace.getActiveSpan()?.spanContext();
        return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
      },
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
