import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { newId } from '../platform/ids.js';
import { Log } from '../platform/telemetry/log.js';
import type { BackgroundStep, StepContext } from '../platform/work/background-step.js';
import { RowByRow } from '../platform/work/row-by-row.js';
import { Wake } from '../platform/work/wake.js';
import { alertOf, wrongfulCancellations } from './alert.js';
import { AlertStore, type UntoldFinding } from './alert.store.js';
import { AlertingMetrics } from './alerting.metrics.js';
import { AlertingSettings } from './alerting.settings.js';

/** Findings are few (one per failure and change of it); this bounds the batch after a long stop. */
const batch = 100;

/**
 * Turns findings into alerts: each finding has one alert, which follows its versions. A finding that
 * cannot be told keeps no other waiting.
 */
@Injectable()
export class AlertingStep implements BackgroundStep {
  readonly name = 'alerting';
  readonly intervalMs = 500;
  private readonly rows: RowByRow;

  constructor(
    private readonly database: Database,
    private readonly store: AlertStore,
    private readonly settings: AlertingSettings,
    private readonly wake: Wake,
    metrics: AlertingMetrics,
  ) {
    const log = new Log('Alerting');
    this.rows = new RowByRow({
      ...{ log, event: 'finding-not-told', field: 'finding_id' },
      words: 'a finding cannot be made an alert',
      count: () => metrics.rowFailed('finding'),
    });
  }

  async run({ now, signal }: StepContext): Promise<'idle' | 'more'> {
    const except = this.rows.resting(now);
    const findings = await this.store.readUntold(this.database, { except, limit: batch });
    const byId = new Map(findings.map((finding) => [finding.id, finding]));
    // oldest first: a closed finding gives its fingerprint free before its successor fires
    const ids = [...byId.keys()];
    const { worked } = await this.rows.each(ids, { now, signal }, (id) => this.tell(byId.get(id)));
    if (worked) this.wake.notify('incidents');
    return findings.length === batch ? 'more' : 'idle';
  }

  private async tell(finding: UntoldFinding | undefined): Promise<'done'> {
    if (finding === undefined) return 'done';
    const runbookUrl = this.settings.apiUrl(`runbooks/${wrongfulCancellations}`);
    await this.store.tell(this.database, newId(), alertOf(finding.read(), { runbookUrl }));
    return 'done';
  }
}
