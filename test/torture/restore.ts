import { cp, mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import globalSetup from '../support/global-setup.js';
import globalTeardown from '../support/global-teardown.js';
import { readArguments, usage, UsageError, type Asked } from './arguments.js';
import type { Draw } from './draw.js';
import { ServiceProcess } from './service-process.js';
import { ShopServer } from './shop-server.js';
import { Stage } from './stage.js';
import { torment, type Outcome } from './torment.js';

/**
 * Of random points at least so many must strike. A draw reaches beyond the messages of its run in about one of six, and
 * chance alone brings half of ten there once in hundreds of runs; a gate that reads nothing any more strikes none.
 */
const shareStruckLeast = 0.5;
/** Fewer random points than that say nothing about the share. */
const randomLeast = 8;

/** Torments on one stage: its database grows, and what is proven looks at all of it. */
const tormentsOfStage = 20;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One torment; a stage on which something went wrong is not used again, and its logs are kept. */
async function one(stage: Stage, draw: Draw): Promise<Outcome> {
  const startedAt = performance.now();
  try {
    return await torment(stage, draw);
  } catch (error) {
    const seconds = (performance.now() - startedAt) / 1000;
    return { draw, wasStruck: false, words: 'broke off', seconds, faults: [toldOf(error)] };
  }
}

function toldOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function keepLogs(stage: Stage, { draw }: Outcome): Promise<string> {
  const kept = await mkdtemp(join(tmpdir(), `reinstate-torture-seed-${draw.seed}-`));
  await cp(stage.directory, kept, { recursive: true, filter: (name) => !name.endsWith('.json') });
  return kept;
}

interface Lane {
  readonly server: ShopServer;
  /** for the stages' own files */
  readonly directory: string;
  /** everything is being ended: what fails from now on is no fault */
  readonly isEnded: () => boolean;
}

/** Torments one after the other, as many as there are, on stages of one shop's server. */
async function perform(
  draws: Iterator<Draw>,
  { server, directory, isEnded }: Lane,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let stage: Stage | undefined;
  let left = tormentsOfStage;
  for (let next = draws.next(); next.done !== true; next = draws.next()) {
    if (stage === undefined) {
      stage = await Stage.open(server, directory);
      left = tormentsOfStage;
    }
    const outcome = await one(stage, next.value);
    if (isEnded()) return outcomes;
    outcomes.push(outcome);
    const { faults } = outcome;
    const logs = faults.length > 0 ? [`logs: ${await keepLogs(stage, outcome)}`] : [];
    say([rowOf(outcome), ...[...faults, ...logs].map((line) => `    ${line}`)].join('\n'));
    left -= 1;
    if (faults.length === 0 && left > 0) continue;
    await stage.end();
    stage = undefined;
  }
  await stage?.end();
  return outcomes;
}

const columns = { seed: 9, act: 9, point: 14, way: 17, seconds: 9 } as const;
const headline = `${Object.entries(columns)
  .map(([name, width]) => name.padEnd(width))
  .join('')}outcome`;

function rowOf({ draw, wasStruck, words, seconds, faults }: Outcome): string {
  const { seed, act, point, message, way } = draw;
  const place = point === 'random' ? `message ${message}` : point;
  const cells = { seed: String(seed), act, point: place, way, seconds: seconds.toFixed(1) };
  const padded = Object.entries(columns).map(([name, width]) =>
    cells[name as keyof typeof columns].padEnd(width),
  );
  const end = faults.length > 0 ? 'FAILED' : words;
  return `${padded.join('')}${wasStruck || faults.length > 0 ? end : `not struck: ${end}`}`;
}

/** The table, and how it ends; gives the exit code. */
async function performAll(draws: readonly Draw[], lanes: readonly Lane[]): Promise<number> {
  const startedAt = performance.now();
  say(headline);
  const queue = draws.values();
  const ended = await Promise.all(lanes.map((lane) => perform(queue, lane)));
  const outcomes = ended.flat();
  const failed = outcomes.filter(({ faults }) => faults.length > 0);
  const struck = outcomes.filter(({ wasStruck }) => wasStruck).length;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  say(`\n${outcomes.length} torments, ${struck} struck, ${failed.length} failed, in ${seconds} s`);
  for (const { draw } of failed) say(`  again: bash test/ops/restore-torture.sh ${again(draw)}`);
  const missed = struckTooFew(outcomes);
  if (missed !== undefined) say(`  ${missed}`);
  return failed.length === 0 && missed === undefined ? 0 : 1;
}

function again({ seed, act, point, way }: Draw): string {
  return `--seed ${seed} --point ${point} --way ${way} --act ${act}`;
}

function struckTooFew(outcomes: readonly Outcome[]): string | undefined {
  const random = outcomes.filter(({ draw }) => draw.point === 'random');
  const struck = random.filter(({ wasStruck }) => wasStruck).length;
  if (random.length < randomLeast || struck >= random.length * shareStruckLeast) return undefined;
  return `FAILED: only ${struck} of ${random.length} random points struck; does the gate still read what goes by?`;
}

/** Resolves with the exit code where somebody ends this, nobody reads it any more, or it has a fault of its own. */
function broken(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => resolve(128 + constants.signals[signal]));
    process.stdout.on('error', () => resolve(128 + constants.signals.SIGPIPE));
    process.on('uncaughtException', (error) => {
      process.stderr.write(`${toldOf(error)}\n`);
      resolve(1);
    });
  });
}

/** Whatever happens, no process, server or directory is left, but for the logs of what failed. */
async function carryOut({ draws, lanes }: Asked): Promise<number> {
  let areEnded = false;
  const isEnded = (): boolean => areEnded;
  const ended = broken();
  const servers: ShopServer[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'reinstate-torture-'));
  try {
    while (servers.length < Math.min(lanes, draws.length)) servers.push(await ShopServer.start());
    // the stages have shops' servers of their own: the tests' need not be started
    process.env['REINSTATE_TEST_SHOPS'] = servers[0]?.url() ?? '';
    await globalSetup();
    const all = servers.map((server) => ({ server, directory, isEnded }));
    return await Promise.race([ended, performAll(draws, all)]);
  } finally {
    areEnded = true;
    ServiceProcess.endAll();
    await globalTeardown();
    await Promise.all(servers.map((server) => server.end()));
    await rm(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  try {
    const asked = readArguments(process.argv.slice(2));
    if (asked !== undefined) return await carryOut(asked);
    say(usage);
    return 0;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    process.stderr.write(isUsage ? `${error.message}\n\n${usage}` : `${toldOf(error)}\n`);
    return isUsage ? 2 : 1;
  }
}

// what a stage that broke off has left open keeps nobody waiting
process.exit(await main());
