import type { Incident } from '../../demo/story/api-types.js';
import { pause } from '../../demo/story/waiting.js';
import { firstOrder, ordersOfEpisode, type DelayScene } from './delay-scene.js';

/** Moments of one episode, in milliseconds since 1970. */
export interface Episode {
  /** commits of the shop */
  readonly firstAt: number;
  readonly tenthAt: number;
  /** the receiver has the page, and the API has answered with the incident that it names */
  readonly product: number;
  /** the receiver has the page of the bare client */
  readonly bare: number;
}

/** How far the cancellations of an episode are apart: at once, as by a job, and as by hand. */
const pacesMs = [0, 20, 100];
const patienceMs = 60_000;

/** A job cancels ten orders of ten customers; the incident and both pages are waited for, and forgotten again. */
export async function playEpisode(scene: DelayScene, number: number): Promise<Episode> {
  const { shop, desk, bare } = scene;
  desk.clear();
  bare.arm(ordersOfEpisode);
  const noticed = noticedAt(scene);
  const paceMs = pacesMs[number % pacesMs.length] ?? 0;
  const orders = { first: firstOrder + number * ordersOfEpisode, count: ordersOfEpisode };
  for (let place = 0; place < ordersOfEpisode; place += 1) {
    await shop.cancelAll({ first: orders.first + place, count: 1 }, 'unpaid-orders');
    if (paceMs > 0) await pause(paceMs);
  }
  const { at: product, incidentId } = await noticed;
  const { at: bareAt } = await desk.first('bare', patienceMs);
  const [firstAt, tenthAt] = [bare.committedAt[0], bare.committedAt[ordersOfEpisode - 1]];
  if (firstAt === undefined || tenthAt === undefined) throw new Error('commits were missed');
  await scene.forgetting.forget(incidentId, orders);
  return { firstAt, tenthAt, product, bare: bareAt };
}

/** Waits for the product's page and then reads its incident, as whoever is paged would. */
async function noticedAt(scene: DelayScene): Promise<{ at: number; incidentId: string }> {
  const { desk, responder } = scene;
  const page = await desk.first('product', patienceMs);
  if (page.incidentId === null) throw new Error('the page names no incident');
  const { id, status } = await responder.get<Incident>(`/incidents/${page.incidentId}`);
  const at = performance.timeOrigin + performance.now();
  if (status !== 'open') throw new Error(`the incident of the page is ${status}`);
  return { at, incidentId: id };
}
