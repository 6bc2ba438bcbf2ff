import { Injectable } from '@nestjs/common';
import type { StepEvidence } from '../../incidents/runbook-entries.js';
import type { StepOf } from '../definition.js';
import { filledUrl } from '../placeholders.js';
import { RunbooksSettings } from '../runbooks.settings.js';
import { failed, type StepKind, type StepOutcome, type StepScene } from '../step.js';
import { fetchBounded } from './bounded-fetch.js';
import { evidenceText } from './evidence-text.js';

/** A GET or HEAD to an allowed host. It changes nothing: a dry run does the same. */
@Injectable()
export class HttpCheck implements StepKind<'http'> {
  readonly kind = 'http';

  constructor(private readonly settings: RunbooksSettings) {}

  async work(step: StepOf<'http'>, scene: StepScene): Promise<StepOutcome> {
    const { method, timeout: timeoutMs } = step;
    const url = filledUrl(step.url, scene.values);
    const fetched = await fetchBounded({
      ...{ method, url, timeoutMs, signal: scene.signal },
      allowedHosts: this.settings.allowedHosts,
    });
    if (!fetched.ok) {
      const { reason, words } = fetched;
      const evidence = { facts: { method, url } };
      return { outcome: 'failed', reason, words, retry: reason !== 'not-allowed', evidence };
    }
    const { status, body } = fetched;
    const evidence: StepEvidence = {
      facts: { method, url, status, cut: fetched.cut },
      ...(body !== '' && { body: evidenceText(body) }),
    };
    const fault = answerFault(step, fetched);
    return fault === undefined
      ? { outcome: 'done', words: `status ${status}`, evidence }
      : failed('check-failed', fault, evidence);
  }

  rehearse(step: StepOf<'http'>, scene: StepScene): Promise<StepOutcome> {
    return this.work(step, scene);
  }
}

function answerFault(
  { expect: { status: statuses, contains } }: StepOf<'http'>,
  { status, body }: { status: number; body: string },
): string | undefined {
  const isGood = statuses === undefined ? status >= 200 && status < 300 : statuses.includes(status);
  if (!isGood)
    return `it answered with status ${status}, not ${statuses === undefined ? '2xx' : statuses.join(' or ')}`;
  if (contains !== undefined && !body.includes(contains))
    return `its answer does not contain "${contains}"`;
  return undefined;
}
