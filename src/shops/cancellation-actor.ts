import type { ActorKind } from '../orders/order-event.js';
import { isSealed, type RowImage } from '../orders/row-change.js';
import { jsonMember } from './json-member.js';
import type { Profile } from './profile.js';

/** Who cancelled and why, as far as the shop's own rows tell. */
export interface CancellationActor {
  readonly actorKind: ActorKind;
  readonly actor: string | null;
  readonly reason: string | null;
}

export type History = NonNullable<Profile['history']>;

/** Longer texts are cut: who and why are words for people and for grouping, and not a place for letters. */
const lengthMax = 200;

/** The columns that tell who and why. Alone of all personal columns, what they tell is kept in the clear. */
export function tellingColumns({ actor, reason }: History): string[] {
  const reasonColumn = typeof reason === 'object' ? reason.column : reason;
  return [actor, reasonColumn].filter((column) => column !== undefined);
}

/** Reads who and why from one row of the profile's history table, which the caller has found to fit `history.where`. */
export function cancellationActor(history: History, row: RowImage): CancellationActor {
  return {
    actorKind: actorKindOf(history.actor_kind, row),
    actor: history.actor === undefined ? null : cut(text(row, history.actor)),
    reason: cut(reasonOf(history.reason, row)),
  };
}

function actorKindOf(rule: History['actor_kind'], row: RowImage): ActorKind {
  if (rule === undefined) return 'unknown';
  const value = text(row, rule.column);
  return value === null ? rule.missing : (rule.map[value] ?? rule.otherwise);
}

function reasonOf(rule: History['reason'], row: RowImage): string | null {
  if (rule === undefined) return null;
  if (typeof rule === 'string') return text(row, rule);
  const member = jsonMember(text(row, rule.column), rule.json);
  return typeof member === 'string' ? member : null;
}

function cut(told: string | null): string | null {
  if (told === null || told.length <= lengthMax) return told;
  // half a surrogate pair is no text
  return `${told.slice(0, lengthMax - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function text(row: RowImage, column: string): string | null {
  const value = row[column] ?? null;
  return isSealed(value) ? null : value;
}
