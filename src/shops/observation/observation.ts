import type { Profile } from '../profile.js';
import { isNamed, triggerWrites } from './trigger-writes.js';

/** Rows, as the shop's own statistics count them. */
export interface RowCounts {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** A trigger of a mapped table that is switched on. */
export interface SeenTrigger {
  readonly table: string;
  readonly trigger: string;
  readonly source: string;
  readonly language: string;
  /** what it fires on */
  readonly on: readonly (keyof RowCounts)[];
}

/** What was seen of a shop's server while it was watched. */
export interface Sightings {
  /** by table, of all schemas of the shop */
  readonly written: ReadonlyMap<string, RowCounts>;
  /** by transaction, the tables that it wrote to, as far as it was seen */
  readonly transactions: ReadonlyMap<string, ReadonlySet<string>>;
  /** tables whose rows our read role may not look at */
  readonly unreadable: ReadonlySet<string>;
  readonly triggers: readonly SeenTrigger[];
}

/** A table that the profile does not map. */
export interface UnmappedTable extends RowCounts {
  readonly table: string;
  /** transactions seen that wrote to it and to mapped tables */
  readonly together: number;
  /** those mapped tables */
  readonly with: readonly string[];
  readonly readable: boolean;
}

/** A trigger that would do again what a restore does by itself. */
export interface DoublingTrigger {
  readonly trigger: string;
  readonly table: string;
  /** the mapped table that its function writes to; null where its text does not tell */
  readonly writes: string | null;
  /** what the profile has a restore do there */
  readonly restores: 'counter' | 'ledger' | null;
  /** rows written meanwhile for which it fires */
  readonly fired: number;
  /** transactions seen that wrote to both tables */
  readonly together: number;
}

/** What a while of watching told of a shop. Names and numbers, never a value. */
export interface Observation {
  readonly seconds: number;
  /** transactions seen that wrote to mapped tables */
  readonly transactions: number;
  readonly unmapped: readonly UnmappedTable[];
  readonly triggers: readonly DoublingTrigger[];
}

/** Makes of what was seen what a person is to look at, what was seen most first. Pure. */
export function observationOf(profile: Profile, seen: Sightings, seconds: number): Observation {
  const isMapped = (table: string) => profile.tables[table] !== undefined;
  const writing = [...seen.transactions.values()].filter((tables) => [...tables].some(isMapped));
  const unmapped = new Set([...seen.written.keys(), ...writing.flatMap((tables) => [...tables])]);
  return {
    seconds,
    transactions: writing.length,
    unmapped: [...unmapped]
      .filter((table) => !isMapped(table))
      .map((table) => {
        const both = writing.filter((tables) => tables.has(table));
        return {
          table,
          ...(seen.written.get(table) ?? { inserted: 0, updated: 0, deleted: 0 }),
          together: both.length,
          with: [...new Set(both.flatMap((tables) => [...tables]))].filter(isMapped).sort(),
          readable: !seen.unreadable.has(table),
        };
      })
      .sort((left, right) => right.together - left.together || (left.table < right.table ? -1 : 1)),
    triggers: seen.triggers.flatMap((trigger) => doublings(profile, { trigger, seen, writing })),
  };
}

function doublings(
  profile: Profile,
  {
    trigger: { table, trigger, on, ...text },
    seen,
    writing,
  }: { trigger: SeenTrigger; seen: Sightings; writing: readonly ReadonlySet<string>[] },
): DoublingTrigger[] {
  const { tables, opaque } = triggerWrites(text);
  const counts = seen.written.get(table);
  const fired = on.reduce((sum, kind) => sum + (counts?.[kind] ?? 0), 0);
  const found = Object.keys(profile.tables).flatMap((mapped): DoublingTrigger[] => {
    const restores = restoredBy(profile, mapped);
    if (restores === null || !tables.some((named) => isNamed(mapped, named))) return [];
    const together = writing.filter((both) => both.has(mapped) && both.has(table)).length;
    return [{ trigger, table, writes: mapped, restores, fired, together }];
  });
  if (!opaque) return found;
  return [...found, { trigger, table, writes: null, restores: null, fired, together: 0 }];
}

/** Whether a restore moves counters of the table, or adds rows to it, by itself: a trigger would do so again. */
function restoredBy(profile: Profile, table: string): DoublingTrigger['restores'] {
  const mapping = profile.tables[table];
  if (mapping === undefined) return null;
  const roles = Object.values(mapping.columns);
  if (roles.some((role) => typeof role === 'object' && 'delta' in role)) return 'counter';
  const adds =
    mapping.append.length > 0 || mapping.inserted.some((rule) => rule.do === 'compensate');
  return adds ? 'ledger' : null;
}
