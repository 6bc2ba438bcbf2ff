import { faultyJob, products, type Canceller } from '../shop/shop-software.js';
import { shopId } from '../world.js';
import type { Act } from './act.js';

const customer: Canceller = { kind: 'customer', name: 'web', reason: 'changed my mind' };
const staff: Canceller = { kind: 'staff', name: 'olga', reason: 'fraud suspected' };

/** Customers buy. */
export const placeOrders: Act = {
  name: 'orders are placed',
  weight: 3,
  run(world, random) {
    const wanted = random.whole(1, 6);
    const placed = Array.from({ length: wanted }, () =>
      world.software.place({ product: random.pick(products), quantity: random.whole(1, 3) }),
    );
    world.say(`  orders ${placed.map((id) => id ?? 'none').join(' ')}`);
    return Promise.resolve();
  },
};

/** The faulty job runs: it cancels some of the paid orders, a moment apart. */
export const faultyJobRuns: Act = {
  name: 'the faulty job runs',
  weight: 0.7,
  run(world, random) {
    const paid = world.software.ordersIn('paid');
    const hit = paid.filter(() => random.chance(0.7));
    const done = hit.filter((orderId) => {
      world.advance(random.whole(1, 400));
      return world.software.cancel(orderId, faultyJob);
    });
    world.say(`  cancelled ${done.join(' ')}`);
    return Promise.resolve();
  },
};

/** The job that everybody took for stopped goes on while a run of its orders is under way. */
export const harmGoesOn: Act = {
  name: 'the harm goes on',
  weight: 3,
  async run(world, random) {
    const running = await world.query(
      `SELECT FROM restore_run WHERE shop_id = $1 AND state = 'running'`,
      [shopId],
    );
    const able = world.able();
    const orders = world.software.ordersIn('paid');
    if (running.length === 0 || able.length === 0 || orders.length === 0) {
      world.say('  nothing of it');
      return;
    }
    const orderId = random.pick(orders);
    const isDone = world.software.cancel(orderId, faultyJob);
    world.say(`  ${isDone ? 'cancelled' : 'a lock keeps it from'} ${orderId}`);
    const process = random.pick(able);
    const ended = await world.stream.deliver(process, { fresh: Infinity, repeated: 0 });
    world.tell(`${process.name} journals`, ended);
  },
};

/** What goes on in a shop anyway, with one order. */
export const shopGoesOn: Act = {
  name: 'the shop goes on',
  weight: 5,
  run(world, random) {
    const { software } = world;
    const deeds = {
      'ship a paid order': () => one('paid', (id) => software.ship(id)),
      'a customer cancels': () => one('paid', (id) => software.cancel(id, customer)),
      'staff cancels': () => one('paid', (id) => software.cancel(id, staff)),
      'a note on a paid order': () => one('paid', (id) => software.annotate(id, 'gift')),
      'a note on a cancelled order': () => one('cancelled', (id) => software.annotate(id, 'asked')),
      'a mail about a cancelled order': () => one('cancelled', (id) => software.remark(id)),
      'money goes back': () => one('cancelled', (id) => software.refund(id)),
      'the job cancels one more': () => one('paid', (id) => software.cancel(id, faultyJob)),
    };
    const one = (status: string, work: (orderId: string) => boolean): string => {
      const orders = software.ordersIn(status);
      if (orders.length === 0) return 'none';
      const orderId = random.pick(orders);
      return work(orderId) ? orderId : `${orderId} waits for a lock`;
    };
    const deed = random.pick(Object.keys(deeds) as (keyof typeof deeds)[]);
    world.say(`  ${deed}: ${deeds[deed]()}`);
    return Promise.resolve();
  },
};

/** In the shop that tells by HTTP something happens, and some of it is told. */
export const tellerTells: Act = {
  name: 'the other shop tells',
  weight: 5,
  async run(world, random) {
    const { teller } = world;
    const happened = Array.from({ length: random.whole(1, 5) }, () => teller.happen(random));
    world.say(`  ${happened.join(', ')}`);
    const able = world.able();
    const events = teller.choose(random);
    if (able.length === 0 || events.length === 0) return;
    const process = random.pick(able);
    const ended = await teller.send(process, world.people.bot, events);
    world.tell(`${process.name} is told ${events.map(({ id }) => id).join(' ')}`, ended);
  },
};
