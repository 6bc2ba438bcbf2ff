import { assert } from '../platform/assert.js';
import { Fault } from '../platform/errors.js';

/** Which state may follow which, and in words what it means when another is asked for. */
export interface TransitionTable<State extends string> {
  /** what changes state, e.g. `incident`; begins the refusal */
  readonly subject: string;
  readonly initial: State;
  readonly next: Readonly<Record<State, readonly State[]>>;
  /** what a state means, to finish "... because it is ..." */
  readonly words: Readonly<Record<State, string>>;
}

/**
 * Checks a table once, when its file is loaded: it names every state that it leads to, leads to every
 * state it names, and nowhere from a state to itself.
 */
export function transitionTable<State extends string>(
  table: TransitionTable<State>,
): TransitionTable<State> {
  const states = Object.keys(table.next) as State[];
  const { subject, next } = table;
  for (const from of states) {
    const unknown = next[from].filter((to) => !states.includes(to));
    assert(unknown.length === 0, `${subject}: ${from} leads to the unknown ${unknown.join(', ')}`);
    assert(!next[from].includes(from), `${subject}: ${from} leads to itself`);
  }
  const reached = reachable(table);
  const lost = states.filter((state) => !reached.has(state));
  assert(
    lost.length === 0,
    `${subject}: nothing leads from ${table.initial} to ${lost.join(', ')}`,
  );
  return table;
}

/** Whether the table leads from one state to the other in one step. */
export function mayFollow<State extends string>(
  table: TransitionTable<State>,
  change: { from: State; to: State },
): boolean {
  return table.next[change.from].includes(change.to);
}

/** Why the change is refused, for people, with the ways that are open. */
export function refusalOf<State extends string>(
  table: TransitionTable<State>,
  change: { from: State; to: State; subject?: string },
): Fault {
  const open = table.next[change.from];
  const ways = open.length === 0 ? 'nothing follows on it' : `it can become ${open.join(' or ')}`;
  return new Fault(
    'conflict',
    'transition-refused',
    `${change.subject ?? `the ${table.subject}`} cannot become ${change.to}, because it is ${table.words[change.from]}; ${ways}`,
    { data: { from: change.from, to: change.to, possible: open } },
  );
}

function reachable<State extends string>(table: TransitionTable<State>): Set<State> {
  const reached = new Set<State>([table.initial]);
  for (const state of reached) for (const to of table.next[state]) reached.add(to);
  return reached;
}
