import type { LoggerService } from '@nestjs/common';
import { destination, pino, type DestinationStream, type Logger as Pino } from 'pino';
import { known, logContext } from './log-context.js';
import { presentTraceId } from './tracing/span.js';

/** What must never reach a log, should an object that holds it be logged. */
const secrets = [
  'password',
  'secret',
  'token',
  'authorization',
  'credential',
  'credentials',
].flatMap((name) => [name, `*.${name}`]);

/** What Nest tells of its own start is of no use to anybody; its warnings and faults are. */
const narrators = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/**
 * The service's log: one JSON object a line, to stderr (stdout is for people), without personal data.
 * Each line carries the fields of the work in which it was written.
 */
export function createLog(
  level: string,
  stream: DestinationStream = destination({ dest: 2, sync: false }),
): Pino {
  return pino(
    {
      level,
      messageKey: 'message',
      redact: { paths: secrets, censor: '[redacted]' },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: (_line, _level, logger) => unbound(logFields(), logger.bindings()),
    },
    stream,
  );
}

/** Those of the work around; where it has no trace of its own, the one in which it is told. */
function logFields(): object {
  return { ...known({ trace_id: presentTraceId() }), ...logContext() };
}

/** A line of a request has its own fields bound to its logger: JSON must not name one twice. */
function unbound(fields: object, bound: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(bound, name)));
}

/** Lets everything that is logged through Nest's Logger, from the very start on, go into the one log. */
export class NestLog implements LoggerService {
  constructor(private readonly pino: Pino) {}

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  log(message: unknown, ...rest: unknown[]): void {
    if (!narrators.has(String(rest.at(-1)))) this.write('info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest gives the room's name last; before it come a text for an object, or the stack of an error. */
  private write(level: Level, message: unknown, rest: readonly unknown[]): void {
    const room = rest.at(-1);
    const [further] = rest.length > 1 ? rest : [];
    const named = typeof room === 'string' ? { room } : {};
    if (message instanceof Error) {
      this.pino[level]({ ...named, ...stackOf(message.stack) }, message.message);
    } else if (typeof message === 'object' && message !== null) {
      this.pino[level]({ ...named, ...message }, typeof further === 'string' ? further : undefined);
    } else {
      this.pino[level]({ ...named, ...stackOf(further) }, String(message));
    }
  }
}

/** The stack alone: an error's other fields may hold a statement's parameters. */
function stackOf(text: unknown): { stack?: string } {
  return typeof text === 'string' && /\n\s*at /.test(text) ? { stack: text } : {};
}
