import { mkdtemp, cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { testServers } from '../support/postgres.js';
import globalSetup from '../support/global-setup.js';
import globalTeardown from '../support/global-teardown.js';
import { acts, drawOf, namedDraws, points, ways, type Draw } from './draw.js';
import { ShopServer } from './shop-server.js';
import { Stage } from './stage.js';
import { torment, type Outcome } from './torment.js';

/** Torments on one stage: its database grows, and what is proven looks at all of it. */
const tormentsOfStage = 20;

const usage = `bash test/ops/restore-torture.sh [--seeds N] [--from SEED] [--named] [--seed SEED]

  --seeds N     so many random points, by the seeds from --from (1) on
  --named       every named point once
  --seed SEED   one torment alone; --point, --way and --act set what chance would draw
  --point       ${['random', ...points].join(', ')}
  --way         ${ways.join(', ')}
  --act         ${acts.join(', ')}
`;

class UsageError extends Error {}

function oneOf<T extends string>(name: string, text: string | undefined, known: readonly T[]) {
  const found = known.find((one) => one === text);
  if (text !== undefined && found === undefined)
    throw new UsageError(`--${name} is one of ${known.join(', ')}`);
  return found === undefined ? {} : { [name]: found };
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name} wants a whole number, not ${text}`);
  return Number(text);
}

/** The torments that are asked for. */
function readDraws(): Draw[] {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      named: { type: 'boolean', default: false },
      point: { type: 'string' },
      way: { type: 'string' },
      act: { type: 'string' },
    },
  });
  const given = {
    ...oneOf('point', values.point, ['random', ...points]),
    ...oneOf('way', values.way, ways),
    ...oneOf('act', values.act, acts),
  };
  if (values.seed !== undefined) {
    const seed = wholeNumber('seed', values.seed);
    return [namedDraws().find((draw) => draw.seed === seed) ?? drawOf(seed, {})].map((draw) => ({
      ...draw,
      ...given,
    }));
  }
  const count = wholeNumber('seeds', values.seeds ?? (values.named ? '0' : '10'));
  const from = wholeNumber('from', values.from);
  const random = Array.from({ length: count }, (_, place) => drawOf(from + place, given));
  return [...(values.named ? namedDraws() : []), ...random];
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One torment; a stage on which something went wrong is not used again, and its logs are kept. */
async function one(stage: Stage, draw: Draw): Promise<Outcome> {
  const startedAt = performance.now();
  try {
    return await torment(stage, draw);
  } catch (error) {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const seconds = (performance.now() - startedAt) / 1000;
    return { draw, wasStruck: false, words: 'broke off', seconds, faults: [told] };
  }
}

async function keepLogs(stage: Stage, { draw }: Outcome): Promise<string> {
  const kept = await mkdtemp(join(tmpdir(), `reinstate-torture-seed-${draw.seed}-`));
  await cp(stage.directory, kept, { recursive: true, filter: (name) => !name.endsWith('.json') });
  return kept;
}

async function perform(draws: readonly Draw[], server: ShopServer): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const complaints: string[] = [];
  let stage: Stage | undefined;
  let left = tormentsOfStage;
  for (const draw of draws) {
    if (stage === undefined) {
      stage = await Stage.open(server, (line) => complaints.push(line));
      left = tormentsOfStage;
    }
    const outcome = await one(stage, draw);
    outcomes.push(outcome);
    say(rowOf(outcome));
    for (const fault of outcome.faults) say(`    ${fault}`);
    left -= 1;
    if (outcome.faults.length > 0) say(`    logs: ${await keepLogs(stage, outcome)}`);
    if (outcome.faults.length === 0 && left > 0) continue;
    await stage.end();
    stage = undefined;
  }
  await stage?.end();
  return outcomes;
}

const widths = [9, 9, 14, 16, 9];

function rowOf({ draw, wasStruck, words, seconds, faults }: Outcome): string {
  const cells = [String(draw.seed), draw.act, placeOf(draw), draw.way, seconds.toFixed(1)];
  const padded = cells.map((cell, place) => cell.padEnd(widths[place] ?? 0)).join('');
  const end = faults.length > 0 ? 'FAILED' : words;
  return `${padded}${wasStruck || faults.length > 0 ? end : `not struck: ${end}`}`;
}

function placeOf({ point, message }: Draw): string {
  return point === 'random' ? `message ${message}` : point;
}

async function main(): Promise<number> {
  const draws = readDraws();
  const server = await ShopServer.start();
  process.env['REINSTATE_TEST_SHOPS'] = server.url();
  try {
    await globalSetup();
    if (process.env[testServers.own] === undefined) throw new Error('no server of our own');
    say(
      ['seed', 'act', 'point', 'way', 'seconds'].map((c, i) => c.padEnd(widths[i] ?? 0)).join('') +
        'outcome',
    );
    const outcomes = await perform(draws, server);
    const failed = outcomes.filter(({ faults }) => faults.length > 0);
    const struck = outcomes.filter(({ wasStruck }) => wasStruck).length;
    say(`\n${outcomes.length} torments, ${struck} struck, ${failed.length} failed`);
    for (const { draw } of failed)
      say(`  again: bash test/ops/restore-torture.sh --seed ${draw.seed}`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    await globalTeardown();
    await server.end();
  }
}

/** What a stage that broke off has left open keeps nobody waiting. */
process.exit(
  await main().catch((error: unknown) => {
    const isUsage = error instanceof UsageError;
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(isUsage ? `${error.message}\n\n${usage}` : `${told}\n`);
    return isUsage ? 2 : 1;
  }),
);
