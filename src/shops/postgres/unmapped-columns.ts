import type { Profile } from '../profile.js';
import type { RefusalReason } from '../shop-adapter.js';
import { arrayItem } from './column-types.js';
import { orderTables } from './own-rows.js';
import type { RestoreStep } from './restore-step.js';
import { Parameters, quoteTable, type Statement } from './sql-text.js';

interface Unmapped {
  readonly reason: RefusalReason;
  readonly detail: string;
}

/**
 * Names (in one text; no row where there are none) the columns of the order's own tables that the profile
 * gives no role. It asks the catalogue each time: a deploy may have added one since the shop was checked.
 */
export function unmappedColumns(profile: Profile): Statement {
  const parameters = new Parameters();
  const mapped = orderTables(profile).map((table, place) => {
    const columns = Object.keys(profile.tables[table]?.columns ?? {}).map(arrayItem);
    const values = [
      parameters.add(String(place), 'int'),
      parameters.add(table, 'text'),
      parameters.add(quoteTable(table), 'text'),
      parameters.add(`{${columns.join(',')}}`, 'text[]'),
    ];
    return `(${values.join(', ')})`;
  });
  return parameters.statement(
    `SELECT string_agg(a.attname || ' of ' || own.title, ', ' ORDER BY own.place, a.attnum) AS found
       FROM (VALUES ${mapped.join(', ')}) AS own (place, title, name, columns)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(own.name)
      WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname::text <> ALL (own.columns)
     HAVING count(*) > 0`,
  );
}

/** Why no order is restored while the shop has such columns: nobody journalled what was in them. */
export function unmappedRefusal(found: string): Unmapped {
  return {
    reason: 'evidence-missing',
    detail:
      `the profile gives no role to ${found}: what a cancellation changed there would not come back; ` +
      `map it in the profile, or \`ignore\` it with a reason, then arm the shop again`,
  };
}

/**
 * Refuses a restore that would leave a column behind. It stands after the locks and reads of the order's
 * tables, which keep a deploy from adding another one before the commit.
 */
export function unmappedColumnsStep(profile: Profile): RestoreStep {
  return {
    kind: 'check',
    title: 'every column of the order’s tables has a role in the profile',
    statement: unmappedColumns(profile),
    judge: (found) => ({ outcome: 'refused', ...unmappedRefusal(found) }),
  };
}
