import type { BenchContext } from '../figure.js';
import { streamOf } from '../replication/slots.js';
import { BenchShop } from '../setting/bench-shop.js';
import { House } from '../setting/house.js';
import { startShopServer } from '../setting/servers.js';
import { BareWatch } from './bare-watch.js';
import { Forgetting } from './forgetting.js';
import { PageDesk } from './page-desk.js';

/** Orders that are cancelled wrongly in an episode; the tenth is what the aim counts from. */
export const ordersOfEpisode = 10;

/** Id of the first order that is cancelled. */
export const firstOrder = 10_001;

/** What the detector learns from: a shop with a past, in which nothing is cancelled wrongly. */
const pastOrders = 3_000;
const pastDays = 20;

export type DelayScene = Awaited<ReturnType<typeof openScene>>;

/** A shop that Reinstate and the bare client follow, and a desk where both page. */
export async function openScene(context: BenchContext, episodes: number) {
  const { endings, say } = context;
  const server = await startShopServer(context);
  const shop = await BenchShop.open({ server, database: 'shop', endings });
  const desk = await PageDesk.open(endings);
  await shop.place({ first: 1, count: pastOrders, overDays: pastDays });
  await shop.place({ first: firstOrder, count: episodes * ordersOfEpisode, overDays: 1 });
  await shop.analyze();
  const webhook = { url: desk.url('product'), secret: desk.secret };
  const receivers = [{ name: 'on-call', webhook }];
  const house = await House.build(context, { shops: [shop.config()], receivers });
  await house.start();
  await shop.follow(house);
  const { publication } = await streamOf(house);
  const bare = await BareWatch.begin({ shop, desk, endings, publication });
  const forgetting = await Forgetting.learnt(house);
  say(`Reinstate and the bare client follow a shop with ${pastOrders} past orders`);
  return { shop, desk, bare, forgetting, responder: await house.as('responder') };
}
