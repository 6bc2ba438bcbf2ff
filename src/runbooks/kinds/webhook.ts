import { Injectable } from '@nestjs/common';
import { signatureOf } from '../../alerting/notifiers/signature.js';
import type { StepOf } from '../definition.js';
import { filled, filledUrl } from '../placeholders.js';
import { RunbooksSettings } from '../runbooks.settings.js';
import type { StepKind, StepOutcome, StepScene } from '../step.js';
import { fetchBounded } from './bounded-fetch.js';

/**
 * Posts a message to an allowed host: at least once, under a `Reinstate-Delivery` that stays the same over
 * all attempts, so that the receiver can tell a second one. Signed where the configuration has a secret.
 */
@Injectable()
export class Webhook implements StepKind<'webhook'> {
  readonly kind = 'webhook';

  constructor(private readonly settings: RunbooksSettings) {}

  async work(step: StepOf<'webhook'>, scene: StepScene): Promise<StepOutcome> {
    const url = filledUrl(step.url, scene.values);
    const body = bodyOf(step, scene);
    const fetched = await fetchBounded({
      ...{ method: 'POST', url, body, timeoutMs: step.timeout, signal: scene.signal },
      allowedHosts: this.settings.allowedHosts,
      headers: {
        'content-type': 'application/json',
        'reinstate-delivery': scene.key,
        ...this.signature(body, scene.now),
      },
    });
    const facts = { url, delivery: scene.key };
    if (!fetched.ok) {
      const { reason, words } = fetched;
      return failure(reason, words, { retry: reason !== 'not-allowed', facts });
    }
    const { status } = fetched;
    const evidence = { facts: { ...facts, status } };
    if (status >= 200 && status < 300)
      return { outcome: 'done', words: `posted, status ${status}`, evidence };
    const retry = status === 408 || status === 429 || status >= 500;
    return failure('check-failed', `it was answered with status ${status}`, {
      ...{ retry, facts: evidence.facts },
    });
  }

  rehearse(step: StepOf<'webhook'>, scene: StepScene): Promise<StepOutcome> {
    const url = filledUrl(step.url, scene.values);
    const evidence = { facts: { url }, body: bodyOf(step, scene).slice(0, 1_000) };
    return Promise.resolve({ outcome: 'done', words: `would post to ${url}`, evidence });
  }

  private signature(body: string, now: Date): Record<string, string> {
    const secret = this.settings.webhookSecret;
    return secret === undefined
      ? {}
      : { 'reinstate-signature': signatureOf(body, { secret, now }) };
  }
}

function bodyOf(step: StepOf<'webhook'>, { values, run, incident }: StepScene): string {
  const given = Object.entries(step.body).map(([name, text]) => [name, filled(text, values)]);
  return JSON.stringify({
    ...{ step: step.name, runbookRunId: run.id, runbookRunNumber: run.number },
    ...{ incidentId: incident.id, incidentNumber: incident.number, shopId: incident.shopId },
    ...(Object.fromEntries(given) as Record<string, string>),
  });
}

function failure(
  reason: 'timeout' | 'unreachable' | 'not-allowed' | 'check-failed',
  words: string,
  { retry, facts }: { retry: boolean; facts: Record<string, string | number> },
): StepOutcome {
  return { outcome: 'failed', reason, words, retry, evidence: { facts } };
}
