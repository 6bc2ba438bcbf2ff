import { Declined } from './story/approval.js';
import { theShopFails } from './story/failure-act.js';
import { Interrupted, interruption, unlessAborted } from './story/interruption.js';
import { readOptions, usage, UsageError, type DemoOptions } from './story/options.js';
import { proveIt, tellTimeline } from './story/proof-act.js';
import { nothingFails } from './story/quiet-act.js';
import { restoreTheOrders, stopTheHarm, stopTheJob } from './story/restore-act.js';
import { setStage, type Stage } from './story/stage.js';
import { teller } from './story/teller.js';
import { watchTheShop } from './story/watch-act.js';

const exitCodes = { held: 0, failed: 1, usage: 2, interrupted: 130 } as const;

interface Play {
  readonly stage: Stage;
  readonly options: DemoOptions;
  readonly signal: AbortSignal;
}

/** Tells the whole story; true where it ended well. */
async function play({ stage, options, signal }: Play): Promise<boolean> {
  await watchTheShop(stage);
  if (options.noFailure) return nothingFails(stage);
  const failure = await theShopFails(stage, options);
  const { incidentId } = failure;
  await stopTheHarm(stage, incidentId);
  const fault = await stopTheJob(stage);
  const restored = await restoreTheOrders(stage, { incidentId, once: options.once, signal });
  await tellTimeline(stage, incidentId);
  return proveIt(stage, { failure, fault, restored });
}

/** The story, and then, where somebody is there to look, the scene as it stands until Ctrl-C. */
async function perform(parts: Play): Promise<number> {
  const { stage, options, signal } = parts;
  if (!options.once) teller.say(`to look on from another terminal: ${accessTo(stage)}`);
  const held = await unlessAborted(
    play(parts).catch((error: unknown) => {
      if (!(error instanceof Declined) || !error.lookFurther) throw error;
      teller.bad(error.message);
      return false;
    }),
    signal,
  );
  if (!options.once && !options.noFailure) {
    tellWhereToLook(stage);
    await unlessAborted(new Promise(() => undefined), signal).catch(() => undefined);
  } else if (options.once) {
    teller.say('without --once the shop and Reinstate stay up now, to look further');
  }
  return held ? exitCodes.held : exitCodes.failed;
}

function tellWhereToLook(stage: Stage): void {
  teller.chapter('Look further, in another terminal in this directory');
  teller.list([
    accessTo(stage),
    'npx reinstate incident list        npx reinstate incident cases 1',
    'npx reinstate incident timeline 1  npx reinstate shop status sample',
    'npx reinstate --help',
    `API: ${stage.serviceUrl}/api/docs (any name, the token as password)`,
    `metrics: curl -H "Authorization: Bearer $REINSTATE_TOKEN" ${stage.serviceUrl}/metrics`,
    '(Ctrl-C ends the shop and Reinstate and removes their data)',
  ]);
}

/** What a terminal needs to speak to the demo's Reinstate as its admin. */
function accessTo({ serviceUrl, adminToken }: Stage): string {
  return `export REINSTATE_URL=${serviceUrl} REINSTATE_TOKEN=${adminToken}`;
}

async function main(): Promise<number> {
  const signal = interruption();
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(usage);
    return exitCodes.held;
  }
  console.log(`Reinstate, the demo. Seed ${options.seed}.\n`);
  const stage = await setStage({ seed: options.seed, signal });
  let code: number = exitCodes.failed;
  try {
    code = await perform({ stage, options, signal });
    return code;
  } catch (error) {
    if (error instanceof Interrupted) code = exitCodes.interrupted;
    throw error;
  } finally {
    teller.chapter('Ending the shop and Reinstate ...');
    await stage.close({ keepLogs: code === exitCodes.failed });
  }
}

/** What is told of an error: expected ones in their words, others with where they came from. */
function codeOf(error: unknown): number {
  if (error instanceof Interrupted) return exitCodes.interrupted;
  const isExpected = error instanceof UsageError || error instanceof Declined;
  console.error(isExpected ? error.message : error);
  if (!(error instanceof UsageError)) return exitCodes.failed;
  console.error(`\n${usage}`);
  return exitCodes.usage;
}

process.exit(await main().catch(codeOf));
