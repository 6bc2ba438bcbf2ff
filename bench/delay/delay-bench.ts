import type { Bench, BenchContext, Figure, Samples } from '../figure.js';
import { blocksOf, percentileOf } from '../statistics.js';
import { openScene } from './delay-scene.js';
import { playEpisode, type Episode } from './episode.js';

const sizes = {
  full: { episodes: 300, blocks: 3 },
  quick: { episodes: 12, blocks: 2 },
};

const reference = 'a bare client of such a slot that posts at the tenth cancellation';

const shares = [
  { name: 'p50', title: 'median', of: (values: readonly number[]) => percentileOf(values, 0.5) },
  { name: 'p99', title: 'p99', of: (values: readonly number[]) => percentileOf(values, 0.99) },
  { name: 'max', title: 'longest', of: (values: readonly number[]) => Math.max(...values) },
] as const;

function figures(of: 'first' | 'tenth'): Figure[] {
  return shares.map(({ name, title }) => ({
    name: `delay-from-${of}-${name}`,
    title: `from the ${of} cancellation, ${title}`,
    unit: 's',
    better: 'less',
    reference,
    aims:
      of === 'tenth' && name === 'p99'
        ? [{ of: 'value', atMost: 0.25 }]
        : [{ of: 'value', words: 'none set' }],
  }));
}

/** From the shop's commit to an incident that the API gives, and a page that a receiver has. */
export const delayBench: Bench = {
  name: 'delay',
  title: 'Delay from wrong cancellations to incident and page',
  figures: [...figures('tenth'), ...figures('first')],
  run: measure,
};

async function measure(context: BenchContext): Promise<Map<string, Samples>> {
  const { episodes: count, blocks } = sizes[context.size];
  const { say } = context;
  const scene = await openScene(context, count);
  const episodes: Episode[] = [];
  for (let number = 0; number < count; number += 1) {
    episodes.push(await playEpisode(scene, number));
    if ((number + 1) % Math.ceil(count / 6) !== 0) continue;
    const tenth = episodes.map(({ product, tenthAt }) => (product - tenthAt) / 1000);
    say(
      `${number + 1} episodes: median ${percentileOf(tenth, 0.5).toFixed(3)} s, p99 ${percentileOf(tenth, 0.99).toFixed(3)} s from the tenth`,
    );
  }
  const samples = new Map<string, Samples>();
  for (const from of ['first', 'tenth'] as const)
    for (const share of shares) {
      const of = (list: readonly Episode[]) => ({
        measured: share.of(list.map((one) => (one.product - one[`${from}At`]) / 1000)),
        reference: share.of(list.map((one) => (one.bare - one[`${from}At`]) / 1000)),
      });
      const parts = blocksOf(episodes, blocks).map(of);
      samples.set(`delay-from-${from}-${share.name}`, {
        measured: parts.map(({ measured }) => measured),
        reference: parts.map((part) => part.reference),
        whole: of(episodes),
      });
    }
  return samples;
}
