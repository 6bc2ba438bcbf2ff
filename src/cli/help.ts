import type { Command as Commander } from 'commander';
import type { Command, Noun } from './command.js';

/** The way through a night on call, at the end of the main help, where the eye falls first. */
export const story = `
A night on call, step by step (1 is the number of the incident, 4 that of the plan):
  $ export REINSTATE_TOKEN=rst_...
  $ reinstate whoami                      whose token this is, and what it may do
  $ reinstate incident list               what is going on
  $ reinstate incident acknowledge 1      say that you work on it
  $ reinstate incident cases 1            which orders, and why each is judged as it is
  $ reinstate incident bleeding 1         does it go on? nothing is restored until it has stopped
  $ reinstate plan create 1               plan the restore; writes nothing to the shop
  $ reinstate plan items 4                what would change, order by order
  $ reinstate plan approve 4              somebody else does this, with a token of theirs
  $ reinstate run start 4                 one order first, then ten, then the rest
  $ reinstate run watch 4                 until it has ended
If something looks wrong: reinstate shop stop <shop> --reason "..." lets no restore start or go on.

The answer goes to stdout, everything else to stderr. Ends with 0 when done, 1 when refused or
failed, 2 when the command is wrong, 3 when the service cannot be reached.`;

/** What people may write for a placeholder, where that is not plain. */
const placeholders: Readonly<Record<string, string>> = {
  incident: 'its number, such as 1, or its id; `incident list` has both',
  plan: 'its number, such as 4, or its id; `plan list <incident>` has both',
  run: 'the number of its plan, such as 4, or its id',
  person: 'a name, an id, or me',
  shop: 'its id in the configuration; `shop list` has it',
};

/** The end of a noun's help: what its placeholders mean, and where more is said. */
export function nounFooter({ name, commands }: Noun): string {
  const verb = commands[0]?.usage.split(' ')[0] ?? '';
  const example = commands.flatMap(({ examples }) => examples.slice(0, 1)).slice(0, 3);
  return [
    ...meanings(commands),
    'Examples:',
    ...example.map((line) => `  $ reinstate ${line}`),
    '',
    `Options and examples of each: reinstate ${name} ${verb} --help`,
  ].join('\n');
}

/** The end of a command's help. */
export function commandFooter(command: Command): string {
  const examples = command.examples.map((line) => `  $ reinstate ${line}`);
  return [...meanings([command]), 'Examples:', ...examples].join('\n');
}

function meanings(commands: readonly Command[]): string[] {
  const names = commands.flatMap(({ usage }) =>
    [...usage.matchAll(/<(\w+)>/g)].map(([, name = '']) => name),
  );
  const told = [...new Set(names)].flatMap((name) => {
    const meaning = placeholders[name];
    return meaning === undefined ? [] : [`  <${name}>  ${meaning}`];
  });
  return told.length === 0 ? [''] : ['', 'What to write:', ...told, ''];
}

/** What has to be written after the verb: arguments, and options that cannot be left out. */
export function usageOf({ usage, options }: Command): string {
  const needed = options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags);
  return [...usage.split(' ').slice(1), ...needed].join(' ');
}

/** Said after a slip in a command: how it is written. */
export function commandWayOut(name: string, command: Command): string {
  const example = command.examples[0];
  return [
    `Write it as: reinstate ${name} ${usageOf(command)}`.trimEnd(),
    ...(example === undefined ? [] : [`For example: reinstate ${example}`]),
    'Its options: --help',
  ].join('\n');
}

/** Said after a verb that a noun does not have. */
export function nounWayOut({ name, commands }: Noun): string {
  const verbs = commands.map(({ usage }) => usage.split(' ')[0] ?? '');
  return `After ${name} comes one of: ${verbs.join(', ')}\nreinstate ${name} --help tells of each.`;
}

/** Said after a noun that there is not. */
export function mainWayOut(nouns: readonly Noun[]): string {
  const names = nouns.map(({ name }) => name);
  return `It begins with one of: ${names.join(', ')}\nreinstate --help tells of each, and where to begin.`;
}

/** `list <incident>`, without the word for options that nearly every command has. */
export function termOf(command: Commander): string {
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [command.name(), ...words].join(' ');
}
