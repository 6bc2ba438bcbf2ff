import { Gauge, Registry } from 'prom-client';
import type { Bench, BenchContext, Samples } from '../figure.js';
import { House } from '../setting/house.js';

const repetitions = { full: 50, quick: 5 };
const seriesWanted = 1_000;
/** So many make a thousand series, and some more. */
const shopCount = 12;
const seriesOfGauge = 10;

/** A scrape of a service that has a thousand series, numbers from rows included. */
export const metricsBench: Bench = {
  name: 'metrics',
  title: 'Scrape of /metrics with 1,000 series',
  figures: [
    {
      name: 'metrics-scrape',
      title: 'a scrape of at least 1,000 series',
      unit: 'ms',
      better: 'less',
      reference: 'a registry of prom-client with as many series, alone',
      aims: [{ of: 'value', words: 'none set' }],
    },
  ],
  run: measure,
};

async function measure(context: BenchContext): Promise<Map<string, Samples>> {
  const house = await withShops(context);
  const scrape = async (): Promise<string> => {
    const headers = { authorization: `Bearer ${await house.secretOf('metrics')}` };
    return (await fetch(`${house.url}/metrics`, { headers })).text();
  };
  const series = countSeries(await scrape());
  context.say(`${series} series`);
  const registry = registryOf(series);
  const measured: number[] = [];
  const reference: number[] = [];
  for (let repetition = 0; repetition < repetitions[context.size]; repetition += 1) {
    measured.push(await timed(scrape));
    reference.push(await timed(() => registry.metrics()));
  }
  return new Map([['metrics-scrape', { measured, reference }]]);
}

/** Each shop that is configured adds its series. */
async function withShops(context: BenchContext): Promise<House> {
  const shops = Array.from({ length: shopCount }, (_, place) => ({
    id: `shop-${place}`,
    name: `Shop ${place}`,
  }));
  const house = await House.build(context, { shops });
  await house.start();
  return house;
}

function countSeries(text: string): number {
  const count = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  if (count < seriesWanted) throw new Error(`only ${count} series with ${shopCount} shops`);
  return count;
}

/** Gauges of ten series each, with two labels, as most of the product's are. */
function registryOf(series: number): Registry {
  const registry = new Registry();
  const labelNames = ['shop', 'state'];
  for (let made = 0; made < series; made += seriesOfGauge) {
    const name = `bench_gauge_${made / seriesOfGauge}`;
    const gauge = new Gauge({ name, help: 'of the bench', labelNames, registers: [registry] });
    for (let place = made; place < Math.min(series, made + seriesOfGauge); place += 1)
      gauge.set({ shop: `shop-${place}`, state: 'open' }, place);
  }
  return registry;
}

async function timed(work: () => Promise<string>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
