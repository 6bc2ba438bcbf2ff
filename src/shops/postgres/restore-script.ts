import { unreachable } from '../../platform/assert.js';
import type { RestoreItem } from '../shop-adapter.js';
import { beginSql } from './restore-statements.js';
import type { Problem, RestoreStep } from './restore-step.js';
import { quoteLiteral as literal, withLiterals } from './sql-text.js';

export interface ScriptPart {
  readonly item: RestoreItem;
  readonly steps: readonly RestoreStep[];
}

/** The blocks' own variables, named so that no column of a shop is taken for one. */
const [foundName, rowName, countName] = ['reinstate_found', 'reinstate_row', 'reinstate_count'];

/** Stands for what a step found, while the texts of its exception are put together. */
const foundMark = '\u0000';

/**
 * A script for psql, one transaction for each order, of the same steps that the service would take. It
 * stops at the first order that cannot be restored; what was committed before it stays. Apart from the
 * first line it is plain SQL.
 */
export function restoreScript(parts: readonly ScriptPart[], about: readonly string[]): string {
  return [
    '\\set ON_ERROR_STOP on',
    ...about.map(comment),
    '',
    ...parts.flatMap(({ item, steps }) => [
      comment(`order ${item.orderId}: ${item.action}, plan item ${item.itemId}`),
      `${beginSql};`,
      ...steps.map(stepText),
      'COMMIT;',
      '',
    ]),
  ].join('\n');
}

function stepText(step: RestoreStep): string {
  const sql = withLiterals(step.statement);
  switch (step.kind) {
    case 'run':
      return `${comment(step.title)}\n${sql};`;
    case 'check':
      return `${comment(step.title)}\n${doBlock(
        `DECLARE ${foundName} text;`,
        `FOR ${foundName} IN ${sql} LOOP ${raise(step.judge(foundMark))} END LOOP;`,
      )}`;
    case 'one':
      return `${comment(step.title)}\n${doBlock(
        `DECLARE ${rowName} record; ${countName} integer := 0;`,
        `FOR ${rowName} IN ${sql} LOOP ${countName} := ${countName} + 1; END LOOP;\n  IF ${countName} <> 1 THEN ${raise(step.judge())} END IF;`,
      )}`;
    default:
      return unreachable(step);
  }
}

/**
 * What the exception says. Which reason a found status stands for is decided by the service only; in the
 * script the text itself tells.
 */
function raise({ reason, detail }: Problem): string {
  const [before = '', after] = `${reason}: ${detail}`.split(foundMark);
  const text = literal(before);
  return after === undefined
    ? `RAISE EXCEPTION USING MESSAGE = ${text};`
    : `RAISE EXCEPTION USING MESSAGE = ${text} || ${foundName} || ${literal(after)};`;
}

function doBlock(declaration: string, body: string): string {
  const tag = freeTag(body);
  // names in the queries mean the shop's columns, also where PL/pgSQL has a variable of that name
  return `DO ${tag}\n#variable_conflict use_column\n${declaration}\nBEGIN\n  ${body}\nEND ${tag};`;
}

/** A dollar quote that the text does not hold. */
function freeTag(text: string): string {
  for (let number = 0; ; number += 1) {
    const tag = number === 0 ? '$reinstate$' : `$reinstate_${number}$`;
    if (!text.includes(tag)) return tag;
  }
}

function comment(text: string): string {
  return `-- ${text.replaceAll(/\s+/g, ' ')}`;
}
