import { Counter, Gauge, type Registry } from 'prom-client';
import type { ScrapedRead } from './scraped-rows.js';

export type Labels<Name extends string> = Readonly<Record<Name, string>>;

/** One series of a metric. */
export interface Sample<Name extends string> {
  readonly labels: Labels<Name>;
  readonly value: number;
}

export interface RowMetric<Rows, Name extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Name[];
  readonly read: ScrapedRead<Rows>;
  /** all series that are there from the start, without any row */
  readonly zeros: () => readonly Labels<Name>[];
  readonly samples: (rows: Rows) => readonly Sample<Name>[];
}

/** A gauge whose every scrape reads rows; what could not be read shows nothing rather than what it was. */
export function gaugeOfRows<Rows, Name extends string>(
  registry: Registry,
  metric: RowMetric<Rows, Name>,
): void {
  const { name, help, labelNames } = metric;
  new Gauge<Name>({
    ...{ name, help, labelNames, registers: [registry] },
    async collect() {
      const samples = await seriesOf(metric);
      this.reset();
      for (const { labels, value } of samples) this.set(labels, value);
    },
  });
}

/** The same for numbers that only grow in the database. */
export function counterOfRows<Rows, Name extends string>(
  registry: Registry,
  metric: RowMetric<Rows, Name>,
): void {
  const { name, help, labelNames } = metric;
  new Counter<Name>({
    ...{ name, help, labelNames, registers: [registry] },
    async collect() {
      const samples = await seriesOf(metric);
      this.reset();
      for (const { labels, value } of samples) this.inc(labels, value);
    },
  });
}

/** Each series once: numbers of the same one are added up. */
async function seriesOf<Rows, Name extends string>({
  labelNames,
  read,
  zeros,
  samples,
}: RowMetric<Rows, Name>): Promise<Sample<Name>[]> {
  const rows = await read();
  if (rows === undefined) return [];
  const key = (labels: Labels<Name>): string =>
    JSON.stringify(labelNames.map((name) => labels[name]));
  const series = new Map(zeros().map((labels) => [key(labels), { labels, value: 0 }]));
  for (const { labels, value } of samples(rows)) {
    const before = series.get(key(labels))?.value ?? 0;
    series.set(key(labels), { labels, value: before + value });
  }
  return [...series.values()];
}
