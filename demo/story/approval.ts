import { createInterface } from 'node:readline/promises';
import type { Plan } from './api-types.js';

/** The user did not approve, so nothing was written to the shop. */
export class Declined extends Error {
  override readonly name = 'Declined';

  constructor(
    message: string,
    /** somebody is there, who may want to look at the plan */
    readonly lookFurther: boolean,
  ) {
    super(message);
  }
}

interface Asking {
  readonly signal: AbortSignal;
  /** default: the terminal */
  readonly input?: NodeJS.ReadableStream;
  readonly output?: NodeJS.WritableStream;
}

/**
 * Asks whoever is there to approve the plan; anything but a yes is a no.
 * @throws Declined where they do not, or nobody is there
 */
export async function askForApproval(plan: Pick<Plan, 'number'>, asking: Asking): Promise<void> {
  const question = `Approve plan ${plan.number} as Alex, the second person? [y/N] `;
  const answer = await asked(question, asking);
  if (answer === undefined)
    throw new Declined('nobody is there to approve the plan; --once approves by itself', false);
  if (!/^y(es)?$/i.test(answer))
    throw new Declined('not approved: nothing was written to the shop', true);
}

/** The answer; undefined where the input ends without one. */
async function asked(
  question: string,
  { signal, input = process.stdin, output = process.stdout }: Asking,
): Promise<string | undefined> {
  const terminal = createInterface({ input, output });
  // a terminal that is asked gives Ctrl-C as a key
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const ended = new Promise<undefined>((resolve) =>
    terminal.once('close', () => resolve(undefined)),
  );
  try {
    const answer = terminal.question(`\n${question}`, { signal });
    return (await Promise.race([answer, ended]))?.trim();
  } finally {
    terminal.close();
  }
}
