import { AccessService } from '../../src/access/access.service.js';
import type { Caller } from '../../src/access/caller.js';
import type { TimelineEntry } from '../../src/incidents/timeline.js';
import { TimelineService } from '../../src/incidents/timeline.service.js';
import type { RunbookRunDetail } from '../../src/runbooks/runbook.schema.js';
import { AnswerService } from '../../src/runbooks/runs/answer.service.js';
import { RunbookStartService } from '../../src/runbooks/runs/run-start.service.js';
import { RunbookRunViewService } from '../../src/runbooks/runs/run-view.service.js';
import { RunbookRunStep } from '../../src/runbooks/runs/runbook-run.step.js';
import type { Scene } from './restore-scene.js';

const { signal } = new AbortController();

/** Runbooks in a scene: background steps run when the test says so. */
export class RunbookScene {
  constructor(readonly scene: Scene) {}

  async start(
    incidentId: string,
    runbook: string,
    dry?: { assumptions: Record<string, string> },
    caller: Caller = this.scene.people.robin,
  ): Promise<string> {
    return this.scene.get(RunbookStartService).start(caller, {
      ...{ incidentId, runbook, dryRun: dry !== undefined },
      assumptions: dry?.assumptions ?? {},
    });
  }

  async view(runId: string): Promise<RunbookRunDetail> {
    return this.scene.get(RunbookRunViewService).view(runId);
  }

  /** Steps are done until nothing more can be done at once. */
  async tick(): Promise<void> {
    const step = this.scene.get(RunbookRunStep);
    while ((await step.run({ now: this.scene.clock.now(), signal })) === 'more');
  }

  async answer(
    runId: string,
    step: string,
    answer: string,
    given: { caller?: Caller; planHash?: string; reason?: string } = {},
  ): Promise<void> {
    const { caller = this.scene.people.robin, planHash = null, reason = null } = given;
    await this.scene.get(AnswerService).answer(caller, runId, { step, answer, planHash, reason });
    await this.tick();
  }

  /** Ticks, and what goes on beside the runbook, until its run is in a state or waits for something. */
  async until(runId: string, ...wanted: string[]): Promise<RunbookRunDetail> {
    for (let ticks = 0; ticks < 60; ticks += 1) {
      await this.tick();
      const view = await this.view(runId);
      if (wanted.includes(view.state) || wanted.includes(view.waitsFor ?? '')) return view;
      await this.scene.tick();
      this.scene.clock.advance(1_000);
    }
    const { steps } = await this.view(runId);
    throw new Error(`never ${wanted.join(' or ')}: ${JSON.stringify(steps)}`);
  }

  /** State of each step, by name. */
  async states(runId: string): Promise<Record<string, string>> {
    const { steps } = await this.view(runId);
    return Object.fromEntries(
      steps.map(({ name, state, reason }) => [
        name,
        reason === null ? state : `${state}: ${reason}`,
      ]),
    );
  }

  /** The timeline's entries of this run (or of all), without those that say that a step began. */
  async told(incidentId: string): Promise<TimelineEntry[]> {
    const entries = await this.scene.get(TimelineService).list({
      ...{ incidentId, afterPosition: 0, incidentOnly: true, caseId: null, limit: 1_000 },
    });
    return entries.filter(
      ({ type }) => type.startsWith('runbook-') && type !== 'runbook-step-begun',
    );
  }

  /** A token of one of the people is revoked. */
  async revoke({ personId, tokenId }: Caller): Promise<void> {
    const { admin } = this.scene.people;
    await this.scene.get(AccessService).revokeToken(admin, { personId, tokenId });
  }
}
