import type { Bench, BenchContext, Figure, Samples } from '../figure.js';
import { House } from '../setting/house.js';
import { copySeconds } from './copy-reference.js';
import { eventTexts, toldShopId } from './events.js';
import { sendBatches, sendStream, type Sending } from './send.js';

const sizes = {
  full: { events: 20_000, repetitions: 5 },
  quick: { events: 3_000, repetitions: 2 },
};

/** As many as the product works on at once, and a little less. */
const batchesInFlight = 4;
const eventsOfBatch = 500;

const reference = 'COPY of the same entries into the same table with its indexes';

function figure(name: string, title: string): Figure {
  const aims = [{ of: 'ratio', atLeast: 0.35 }] as const;
  return { name, title, unit: 'events/s', better: 'more', reference, aims };
}

const ways = [
  { name: 'http-stream', send: sendStream },
  {
    name: 'http-batch',
    send: (sending: Sending) =>
      sendBatches(sending, { size: eventsOfBatch, inFlight: batchesInFlight }),
  },
] as const;

/** Order events that a shop tells by HTTP, as one NDJSON stream and as batches. */
export const httpBench: Bench = {
  name: 'http',
  title: 'HTTP intake: order events into the journal',
  figures: [
    figure('http-stream', 'one NDJSON request'),
    figure('http-batch', `batches of ${eventsOfBatch}, ${batchesInFlight} at once`),
  ],
  run: measure,
};

async function measure(context: BenchContext): Promise<Map<string, Samples>> {
  const { events, repetitions } = sizes[context.size];
  const { say } = context;
  const house = await House.build(context, { shops: [{ id: toldShopId, name: 'Told shop' }] });
  await house.start();
  const place = { url: `${house.url}/api/v1/order-events`, secret: await house.secretOf('ingest') };
  // the first requests make a process read and compile its own code
  await sendStream({ ...place, events: eventTexts({ firstOrder: 1, count: 1_000 }) });
  const rates = new Map<string, { measured: number[]; reference: number[] }>(
    ways.map(({ name }) => [name, { measured: [], reference: [] }]),
  );
  let firstOrder = 1_000;
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const { name, send } of ways) {
      const after = await head(house);
      const seconds = await send({ ...place, events: eventTexts({ firstOrder, count: events }) });
      firstOrder += events;
      const kept = (await head(house)) - after;
      if (kept !== events) throw new Error(`${kept} of ${events} events were journalled`);
      const samples = rates.get(name);
      samples?.measured.push(events / seconds);
      samples?.reference.push(events / (await copySeconds(house, { after })));
      say(
        `${name} ${repetition + 1}: ${Math.round(events / seconds)} events/s, COPY ${Math.round(samples?.reference.at(-1) ?? 0)}`,
      );
    }
  }
  return rates;
}

async function head(house: House): Promise<number> {
  const [row] = await house.query<{ head: string }>(
    'SELECT journal_head::text AS head FROM shop WHERE id = $1',
    [toldShopId],
  );
  return Number(row?.head ?? 0);
}
