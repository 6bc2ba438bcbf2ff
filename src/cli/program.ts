import { Command as Commander, Option } from 'commander';
import type { Command, CommandContext, Noun, OptionValue } from './command.js';
import { nouns } from './nouns.js';
import { numberOption } from './options.js';
import { withIds } from './references.js';

/** What stands before or after every command. */
export interface GlobalOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
  readonly timeout?: number;
}

export interface ProgramParts {
  readonly version: string;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** makes what a command works with, once the command line is read */
  readonly contextOf: (
    given: GlobalOptions,
    input: Pick<CommandContext, 'args' | 'options'>,
  ) => Promise<CommandContext>;
}

/** The whole command line, with its help. It throws commander's errors instead of ending the process. */
export function buildProgram(parts: ProgramParts): Commander {
  const program = configured(new Commander('reinstate'), parts)
    .description(
      'Finds wrongly cancelled orders and restores them: a client of the Reinstate service.',
    )
    .version(parts.version, '-V, --version')
    .addOption(
      new Option('--url <url>', 'where the service is (REINSTATE_URL, else http://127.0.0.1:8080)'),
    )
    .addOption(
      new Option('--token-file <file>', 'a file that holds your token (else REINSTATE_TOKEN)'),
    )
    .addOption(new Option('--json', "the service's answer as it is, for programs"))
    .addOption(
      numberOption(
        '--timeout <seconds>',
        'how long to wait for an answer (30; 300 for what works on a shop)',
      ),
    )
    .helpCommand('help [noun]', 'how it is used')
    .addHelpText('after', mainExamples);
  for (const noun of nouns) addNoun(program, noun, parts);
  return program;
}

const mainExamples = `
Examples:
  $ export REINSTATE_TOKEN=rst_...
  $ reinstate whoami
  $ reinstate incident list
  $ reinstate incident cases 1 --verdict wrongful
  $ reinstate plan create 1

The answer goes to stdout, everything else to stderr. Ends with 0 when done, 1 when refused or
failed, 2 when the command is wrong, 3 when the service cannot be reached.`;

function addNoun(program: Commander, noun: Noun, parts: ProgramParts): void {
  const [only] = noun.commands;
  // a noun of one command without a word of its own, such as whoami
  if (only?.usage === '') {
    addCommand(program, { ...only, usage: noun.name }, parts);
    return;
  }
  const parent = configured(program.command(noun.name), parts).description(noun.summary);
  for (const command of noun.commands) addCommand(parent, command, parts);
}

function addCommand(parent: Commander, command: Command, parts: ProgramParts): void {
  const leaf = configured(parent.command(command.usage), parts).summary(command.summary);
  const words = command.description ?? '';
  leaf.description(words === '' ? `${command.summary}.` : `${command.summary}.\n\n${words}`);
  for (const option of command.options) leaf.addOption(option);
  const examples = command.examples.map((example) => `  $ reinstate ${example}`).join('\n');
  leaf.addHelpText('after', `\nExamples:\n${examples}`);
  leaf.action(async () => {
    const names = leaf.registeredArguments.map((argument) => argument.name());
    const written = Object.fromEntries(names.map((name, index) => [name, leaf.args[index] ?? '']));
    const options = leaf.opts<Record<string, OptionValue>>();
    const context = await parts.contextOf(leaf.optsWithGlobals<GlobalOptions>(), {
      args: written,
      options,
    });
    await command.run({ ...context, args: await withIds(context.api, written) });
  });
}

function configured(command: Commander, { write, writeError }: ProgramParts): Commander {
  return command
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: writeError })
    .configureHelp({ showGlobalOptions: true })
    .helpCommand(false)
    .showHelpAfterError('(--help shows how it is used)');
}
