import { CommanderError } from 'commander';
import type { CliEnvironment } from '../config/cli-environment.js';
import { ApiClient } from './api-client.js';
import type { CommandContext } from './command.js';
import { CliFailure, exitCodes, usageFailure, type ExitCode } from './failures.js';
import { Output } from './output/output.js';
import { buildProgram, type GlobalOptions } from './program.js';
import { secretOf } from './secret.js';

const defaultUrl = 'http://127.0.0.1:8080';

/** What the command line touches of the world. */
export interface CliWorld {
  readonly environment: CliEnvironment;
  readonly version: string;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** a person looks at the errors: tell what is waited for */
  readonly isWatched?: boolean;
  /** aborted by Ctrl-C */
  readonly signal: AbortSignal;
}

/** Runs one command line and tells how it ended; nothing but its answer goes to `write`. */
export async function runCli(args: readonly string[], world: CliWorld): Promise<ExitCode> {
  const { version, write, writeError } = world;
  const asked = { json: false };
  const contextOf = async (
    given: GlobalOptions,
    input: Pick<CommandContext, 'args' | 'options'>,
  ) => {
    asked.json = given.json === true;
    return { ...input, ...(await partsOf(given, world)) };
  };
  try {
    await buildProgram({ version, write, writeError, contextOf }).parseAsync(args, {
      from: 'user',
    });
    return exitCodes.ok;
  } catch (error) {
    // commander has said itself what is wrong; `--help` and `--version` end with 0
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof CliFailure)) throw error;
    writeError(`${failureText(error, asked)}\n`);
    return error.exitCode;
  }
}

/** The service's own problem document for programs, words for people. */
function failureText({ message, problem }: CliFailure, asked: { json: boolean }): string {
  return asked.json && problem !== undefined
    ? JSON.stringify(problem, null, 2)
    : `reinstate: ${message}`;
}

async function partsOf(given: GlobalOptions, world: CliWorld) {
  const { environment, signal, write, writeError, isWatched } = world;
  const url = checkedUrl(given.url ?? environment.url ?? defaultUrl);
  const token = await tokenOf(given, environment);
  const tell = (seconds: number) =>
    writeError(`reinstate: waiting for ${url}, ${seconds} s at most ...\n`);
  const api = new ApiClient({
    ...{ url, token, signal },
    timeoutSeconds: given.timeout,
    onWaiting: isWatched === true ? tell : undefined,
  });
  return { api, out: new Output(write, given.json === true), environment };
}

function checkedUrl(url: string): string {
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
    throw usageFailure(`"${url}" is no address: write --url (or REINSTATE_URL) as ${defaultUrl}`);
  }
  return url;
}

async function tokenOf(given: GlobalOptions, environment: CliEnvironment): Promise<string> {
  const token =
    given.tokenFile === undefined
      ? environment.token
      : await secretOf(given.tokenFile, '--token-file');
  if (token === undefined) {
    throw usageFailure(
      'a token is needed: set REINSTATE_TOKEN, or name a file with --token-file; an admin issues one with `reinstate token issue`, and the service shows the first one when it starts for the first time',
    );
  }
  // what is no token would come back as an error of the HTTP library, with the text in it
  if (!/^[\x21-\x7e]+$/.test(token))
    throw usageFailure('the token given is none: it looks like rst_...');
  return token;
}
