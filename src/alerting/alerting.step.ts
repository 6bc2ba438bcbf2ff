import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database/database.js';
import { newId } from '../platform/ids.js';
import type { BackgroundStep } from '../platform/work/background-step.js';
import { Wake } from '../platform/work/wake.js';
import { alertOf, wrongfulCancellations } from './alert.js';
import { AlertStore } from './alert.store.js';
import { AlertingSettings } from './alerting.settings.js';

/** Findings are few (one per failure and change of it); this bounds the batch after a long stop. */
const batch = 100;

/** Turns findings into alerts: each finding has one alert, which follows its versions. */
@Injectable()
export class AlertingStep implements BackgroundStep {
  readonly name = 'alerting';
  readonly intervalMs = 500;

  constructor(
    private readonly database: Database,
    private readonly store: AlertStore,
    private readonly settings: AlertingSettings,
    private readonly wake: Wake,
  ) {}

  async run(): Promise<'idle' | 'more'> {
    const findings = await this.store.readUntold(this.database, batch);
    const runbookUrl = this.settings.apiUrl(`runbooks/${wrongfulCancellations}`);
    // oldest first: a closed finding gives its fingerprint free before its successor fires
    for (const finding of findings) {
      await this.store.tell(this.database, newId(), alertOf(finding, { runbookUrl }));
    }
    if (findings.length > 0) this.wake.notify('incidents');
    return findings.length === batch ? 'more' : 'idle';
  }
}
