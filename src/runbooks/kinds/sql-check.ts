import { Injectable } from '@nestjs/common';
import { askShop } from '../../shops/postgres/shop-query.js';
import { ShopRegistry } from '../../shops/shop-registry.js';
import type { StepOf } from '../definition.js';
import { boundQuery } from '../read-only-sql.js';
import { failed, type StepKind, type StepOutcome, type StepScene } from '../step.js';
import { rowsFault } from './rows-expected.js';
import { shownRows } from './shown-rows.js';

/** A query on the shop, by its read credential. It only reads: a dry run does the same. */
@Injectable()
export class SqlCheck implements StepKind<'sql'> {
  readonly kind = 'sql';

  constructor(private readonly shops: ShopRegistry) {}

  async work(step: StepOf<'sql'>, scene: StepScene): Promise<StepOutcome> {
    const shop = this.shops.get(scene.incident.shopId);
    const answer = await askShop(shop, {
      ...boundQuery(step.query, scene.values),
      rowsMax: step.rows,
      timeoutMs: step.timeout,
    });
    if (!answer.ok) {
      const { reason, detail } = answer;
      const retry = reason !== 'query-failed';
      return { outcome: 'failed', reason, words: detail, retry, evidence: null };
    }
    const { profile } = shop;
    const evidence = {
      facts: { rows: answer.rows.length, more: answer.more },
      ...shownRows(answer, { profile, query: step.query, show: step.show }),
    };
    const fault = rowsFault(answer.rows, step.expect);
    if (fault !== undefined) return failed('check-failed', fault, evidence);
    const rows = `${answer.more ? 'more than ' : ''}${answer.rows.length} row(s)`;
    return { outcome: 'done', words: rows, evidence };
  }

  rehearse(step: StepOf<'sql'>, scene: StepScene): Promise<StepOutcome> {
    return this.work(step, scene);
  }
}
