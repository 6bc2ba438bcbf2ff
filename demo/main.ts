import { theShopFails } from './story/failure-act.js';
import { readOptions, usage, UsageError, type DemoOptions } from './story/options.js';
import { proveIt, tellTimeline } from './story/proof-act.js';
import { nothingFails } from './story/quiet-act.js';
import { Declined, restoreTheOrders, stopTheHarm, stopTheJob } from './story/restore-act.js';
import { setStage, type Stage } from './story/stage.js';
import { teller } from './story/teller.js';
import { watchTheShop } from './story/watch-act.js';

/** Tells the whole story; true where it ended well. */
async function play(stage: Stage, options: DemoOptions): Promise<boolean> {
  await watchTheShop(stage);
  if (options.noFailure) return nothingFails(stage);
  const failure = await theShopFails(stage, options);
  const { incidentId } = failure;
  await stopTheHarm(stage, incidentId);
  const fault = await stopTheJob(stage);
  const restored = await restoreTheOrders(stage, incidentId, options);
  await tellTimeline(stage, incidentId);
  return proveIt(stage, { failure, fault, restored });
}

function tellWhereToLook(stage: Stage): void {
  teller.chapter('Look further');
  teller.list([
    `export REINSTATE_URL=${stage.serviceUrl} REINSTATE_TOKEN=${stage.adminToken}`,
    'npx reinstate incident list        npx reinstate shop status sample',
    'npx reinstate incident timeline 1  npx reinstate --help',
    `API: ${stage.serviceUrl}/api/docs   metrics: ${stage.serviceUrl}/metrics`,
    '(Ctrl-C ends the shop and Reinstate and removes their data)',
  ]);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  console.log(`Reinstate, the demo. Seed ${options.seed}.\n`);
  const stage = await setStage(options);
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => resolve('interrupted'));
  });
  try {
    const held = await Promise.race([play(stage, options), interrupted]);
    if (held === 'interrupted') return 130;
    if (!options.once && !options.noFailure) {
      tellWhereToLook(stage);
      await interrupted;
    }
    return held ? 0 : 1;
  } finally {
    teller.chapter('Ending the shop and Reinstate ...');
    await stage.close();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const plain = error instanceof UsageError || error instanceof Declined;
    console.error(plain ? error.message : error);
    if (error instanceof UsageError) console.error(`\n${usage}`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
