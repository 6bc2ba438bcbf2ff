import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Assignment, Report } from './worker.js';

/** A worker is exchanged after so many seeds: each application that it made leaves something in memory. */
const seedsOfWorker = 40;

/** Plays seeds side by side, each in a process of its own kind. */
export class Crew {
  private readonly workers = new Set<ChildProcess>();
  /** it was ended: what is still told of seeds means nothing */
  isOver = false;

  /** Plays seeds as long as `next` gives one; `told` hears of each. */
  async play(
    size: number,
    given: { next: () => number | undefined; told: (report: Report) => Promise<void> },
  ): Promise<void> {
    await Promise.all(Array.from({ length: size }, () => this.work(given)));
  }

  /** Ends all workers, whatever they are at. */
  end(): void {
    this.isOver = true;
    for (const worker of this.workers) worker.kill('SIGKILL');
  }

  private async work(given: Parameters<Crew['play']>[1]): Promise<void> {
    let worker: ChildProcess | undefined;
    let played = 0;
    try {
      for (let seed = given.next(); seed !== undefined && !this.isOver; seed = given.next()) {
        worker ??= this.hire();
        await given.told(await ask(worker, { seed }));
        played += 1;
        if (played % seedsOfWorker !== 0) continue;
        this.dismiss(worker);
        worker = undefined;
      }
    } finally {
      if (worker !== undefined) this.dismiss(worker);
    }
  }

  private hire(): ChildProcess {
    const worker = fork(fileURLToPath(new URL('worker.ts', import.meta.url)));
    this.workers.add(worker);
    return worker;
  }

  private dismiss(worker: ChildProcess): void {
    this.workers.delete(worker);
    if (worker.connected) worker.disconnect();
  }
}

function ask(worker: ChildProcess, assignment: Assignment): Promise<Report> {
  return new Promise((resolve) => {
    const ended = (code: number | null) => {
      resolve({ seed: assignment.seed, broke: `its process ended (${code ?? 'killed'})` });
    };
    worker.once('exit', ended);
    worker.once('message', (report: Report) => {
      worker.off('exit', ended);
      resolve(report);
    });
    worker.send(assignment);
  });
}
