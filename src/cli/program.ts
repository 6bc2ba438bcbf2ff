import { Command as Commander, Option } from 'commander';
import type { Command, CommandContext, Noun, OptionValue } from './command.js';
import {
  commandFooter,
  commandWayOut,
  mainWayOut,
  nounFooter,
  nounWayOut,
  story,
  termOf,
  usageOf,
} from './help.js';
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
  const program = configured(new Commander('reinstate'), parts, mainWayOut(nouns))
    .usage('<noun> <verb> [options]')
    .description(
      'Finds wrongly cancelled orders and restores them: a client of the Reinstate service.',
    )
    .version(parts.version, '-V, --version', 'which version this is')
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
    .addHelpText('after', story);
  for (const noun of nouns) addNoun(program, noun, parts);
  addHelp(program, parts);
  return program;
}

/** `help`, `help shop` and `help shop arm`; commander's own shows everything for a word that it does not know. */
function addHelp(program: Commander, parts: ProgramParts): void {
  const help = configured(program.command('help [noun] [verb]'), parts, mainWayOut(nouns));
  help.summary('how it is used').action(() => {
    let meant = program;
    for (const word of help.args) {
      const found = meant.commands.find((command) => command.name() === word);
      meant = found ?? meant.error(`error: unknown command '${word}'`);
    }
    meant.outputHelp();
  });
}

function addNoun(program: Commander, noun: Noun, parts: ProgramParts): void {
  const [only] = noun.commands;
  // a noun of one command without a word of its own, such as whoami
  if (only?.usage === '') {
    addCommand(program, { ...only, usage: noun.name }, parts);
    return;
  }
  const parent = configured(program.command(noun.name), parts, nounWayOut(noun))
    .usage('<verb> [options]')
    .summary(noun.summary)
    .description(sentence(noun.summary))
    .configureHelp({ ...helpForm, showGlobalOptions: false })
    .addHelpText('after', nounFooter(noun));
  for (const command of noun.commands) addCommand(parent, command, parts);
}

function addCommand(parent: Commander, command: Command, parts: ProgramParts): void {
  const isAlone = parent.parent === null;
  const verb = command.usage.split(' ')[0] ?? '';
  const wayOut = commandWayOut(isAlone ? verb : `${parent.name()} ${verb}`, command);
  const leaf = configured(parent.command(command.usage), parts, wayOut).summary(command.summary);
  leaf.usage(`${usageOf(command)} [options]`.trimStart());
  const words = command.description ?? '';
  const summary = sentence(command.summary);
  leaf.description(words === '' ? summary : `${summary}\n\n${words}`);
  for (const option of command.options) leaf.addOption(option);
  leaf.addHelpText('after', commandFooter(command));
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

const helpForm = { showGlobalOptions: true, subcommandTerm: termOf };

/** What every command has; `wayOut` is said after a slip. */
function configured(
  command: Commander,
  { write, writeError }: ProgramParts,
  wayOut: string,
): Commander {
  return command
    .exitOverride()
    .configureOutput({
      writeOut: write,
      writeErr: writeError,
      outputError: (text, say) => say(text.replace(/^error: /, 'reinstate: ')),
    })
    .configureHelp(helpForm)
    .helpOption('-h, --help', 'how it is used')
    .helpCommand(false)
    .showHelpAfterError(wayOut);
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
