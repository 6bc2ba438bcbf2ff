/** How the command line ends; docs/cli.md names them for scripts. */
export const exitCodes = {
  ok: 0,
  /** the service refused or failed, or what was watched did not end well */
  refused: 1,
  /** the command was not written as its help says */
  usage: 2,
  /** no answer: nothing listens there, or it took too long */
  unreachable: 3,
  /** Ctrl-C */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An RFC 9457 document, as far as the service's answer was one. */
export interface ProblemAnswer {
  readonly title?: string;
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
  readonly fields?: readonly { readonly field: string; readonly message: string }[];
}

/** An end that is not `ok`, in words for stderr. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    /** the service's own words, where it refused */
    readonly problem?: ProblemAnswer,
  ) {
    super(message);
  }
}

/** The command was not written as it should be. */
export function usageFailure(message: string): CliFailure {
  return new CliFailure(exitCodes.usage, message);
}

/** What was asked for was not done, or did not end well. */
export function refused(message: string): CliFailure {
  return new CliFailure(exitCodes.refused, message);
}

/** The service refused: its detail, its code for looking it up, and each field that was wrong. */
export function refusal(problem: ProblemAnswer): CliFailure {
  const { detail, title, status, code, fields = [] } = problem;
  const words = detail ?? title ?? `the service answered with status ${status}`;
  const named = code === undefined ? words : `${words} [${code}]`;
  const lines = fields.map(({ field, message }) => `  ${field}: ${message}`);
  return new CliFailure(exitCodes.refused, [named, ...lines].join('\n'), problem);
}
