import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { configSchema } from '../../src/config/config.schema.js';
import { ManualClock } from '../../src/platform/clock.js';
import { packageRoot } from '../../src/platform/package-root.js';
import { parseExposition, promqlFaults, type Series } from '../support/promql.js';
import { startTestService, testStart, type TestService } from '../support/service.js';

const root = packageRoot();
const textOf = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A metric as the document or the service tells of it. */
interface Metric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

let service: TestService;
let exposition: string;
let series: Series[];
let rules: Rule[];

beforeAll(async () => {
  const nowhere = 'postgresql://nobody@127.0.0.1:1/none';
  const { shops, receivers } = configSchema.parse({
    shops: ['main', 'other'].map((id) => ({
      ...{ id, name: id, profile: join(root, 'profiles/sample-shop.yaml') },
      postgres: { replicate: nowhere, read: nowhere },
    })),
    receivers: [
      { name: 'chat', webhook: { url: 'http://127.0.0.1:1/', secret: 'x'.repeat(16) } },
      {
        name: 'mail',
        email: { smtp: 'smtp://127.0.0.1:1', from: 'a@example.com', to: ['b@example.com'] },
      },
    ],
  });
  const clock = new ManualClock(testStart);
  service = await startTestService({ clock, settings: { shops, receivers } });
  exposition = (await service.admin.get('/metrics')).text;
  series = parseExposition(exposition).filter(({ name }) => name.startsWith('reinstate_'));
  rules = await rulesIn(join(root, 'alerts'));
});
afterAll(() => service.stop());

async function rulesIn(folder: string): Promise<Rule[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.rules.yml'));
  const files = names.map(async (name) => {
    const text = await readFile(join(folder, name), 'utf8');
    return parse(text) as { groups: { rules: Rule[] }[] };
  });
  return (await Promise.all(files)).flatMap(({ groups }) => groups.flatMap((group) => group.rules));
}

/** Every expression of every dashboard, by its file. */
async function dashboardExpressions(): Promise<(readonly [string, string])[]> {
  const folder = join(root, 'dashboards/json');
  const files = (await readdir(folder)).map(async (name) => {
    const text = await readFile(join(folder, name), 'utf8');
    return expressionsIn(JSON.parse(text)).map((expr) => [name, expr] as const);
  });
  return (await Promise.all(files)).flat();
}

/** Those of panels, and what a variable takes its values from, written as PromQL. */
function expressionsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (typeof inner !== 'string') return expressionsIn(inner);
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(inner) ?? [];
    if (metric !== undefined) return [`max by (${label}) (${metric})`];
    return key === 'expr' ? [inner] : [];
  });
}

/** What the service tells of its own metrics: all stand at zero, so that each label shows. */
function exported(): Metric[] {
  return [...exposition.matchAll(/^# TYPE (reinstate_\S+) (\S+)$/gm)].map(
    ([, name = '', type = '']) => {
      const own = series.filter((one) => baseOf(one.name, type) === name);
      const labels = new Set(own.flatMap((one) => Object.keys(one.labels)));
      labels.delete('le');
      return { name, type, labels: [...labels].sort() };
    },
  );
}

function baseOf(name: string, type: string): string {
  return type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
}

async function documented(): Promise<Metric[]> {
  const text = await textOf('docs/observability.md');
  return [...text.matchAll(/^\| `(reinstate_\w+)` \| (\w+) \|([^|]*)\| (\w+) \|/gm)].map(
    ([, name = '', type = '', labels = '']) => ({
      ...{ name, type },
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).sort(),
    }),
  );
}

const byName = (left: Metric, right: Metric) => left.name.localeCompare(right.name);

describe('the metrics', () => {
  it('stand at zero from the start, each with all its labels', () => {
    const shown = exported();
    expect(shown.length).toBeGreaterThan(30);
    const without = shown.filter(
      ({ name, type }) => !series.some((one) => baseOf(one.name, type) === name),
    );
    // nobody waits for messages of a shop that is not attached
    expect(without.map(({ name }) => name)).toEqual([
      'reinstate_replication_seconds_since_message',
    ]);
  });

  it('have series for every configured shop and receiver', () => {
    const values = (label: string) => {
      const borne = Map.groupBy(
        series.filter(({ labels }) => label in labels),
        ({ name }) => name,
      );
      return [...borne].map(([name, own]) => [
        name,
        [...new Set(own.map(({ labels }) => labels[label]))].sort().join(),
      ]);
    };
    for (const [name, shops] of values('shop')) expect([name, shops]).toEqual([name, 'main,other']);
    for (const [name, found] of values('receiver'))
      expect([name, found]).toEqual([name, 'chat,mail']);
  });

  it('are bounded: no label of theirs has more than a few dozen values', () => {
    const labels = new Set(series.flatMap((one) => Object.keys(one.labels)));
    for (const label of labels) {
      const values = new Set(series.map((one) => one.labels[label]));
      expect([label, values.size < 40]).toEqual([label, true]);
    }
  });

  it('are those of docs/observability.md: names, types and labels', async () => {
    const known = (await documented()).sort(byName);
    const unseen = known.filter(
      ({ name }) => name === 'reinstate_replication_seconds_since_message',
    );
    const shown = exported().map(
      (metric) => unseen.find(({ name }) => name === metric.name) ?? metric,
    );
    expect(shown.sort(byName)).toEqual(known);
  });

  it('bear names as Prometheus wants them', () => {
    for (const { name, type } of exported()) {
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });
});

describe('the rules', () => {
  it('name only metrics, labels and values that the service exports', () => {
    const recorded = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
    const faults = rules.flatMap(({ alert, record, expr }) =>
      promqlFaults(expr, { series, others: ['up', ...recorded] }).map(
        (fault) => `${alert ?? record}: ${fault}`,
      ),
    );
    expect(rules.length).toBeGreaterThan(15);
    expect(faults).toEqual([]);
  });

  it('have alerts with severity, texts, and a runbook that exists', async () => {
    const alerts = rules.filter(({ alert }) => alert !== undefined);
    const names = alerts.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    for (const { alert, labels, annotations } of alerts) {
      const { summary, description, runbook_url: url } = annotations ?? {};
      expect([alert, labels?.['severity']]).toEqual([
        alert,
        expect.stringMatching(/critical|high|low|severity/),
      ]);
      expect([alert, (summary ?? '') !== '' && (description ?? '') !== '']).toEqual([alert, true]);
      expect(url).toBe(`{{ $externalLabels.reinstate }}/api/v1/runbooks/${alert}`);
      const runbook = await textOf(`runbooks/${alert}.md`);
      const headings = [...runbook.matchAll(/^#+ .+$/gm)].map(([heading]) => heading);
      expect(headings.slice(0, 5)).toEqual([
        ...[`# ${alert}`, '## Meaning', '## Impact', '## Diagnosis', '## Mitigation'],
      ]);
    }
  });

  it('have tests for promtool in which each alert fires and does not', async () => {
    for (const { alert } of rules) {
      if (alert === undefined) continue;
      const { tests } = parse(await textOf(`alerts/tests/${alert}.yml`)) as {
        tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
      };
      const own = tests
        .flatMap((one) => one.alert_rule_test)
        .filter(({ alertname }) => alertname === alert);
      const fires = own.map(({ exp_alerts: expected }) => expected.length > 0);
      expect([alert, new Set(fires).size]).toEqual([alert, 2]);
    }
  });
});

/** What is there once a shop is followed, and once an incident of it is about money. */
const laterSeries: Series[] = [
  { name: 'reinstate_replication_seconds_since_message', labels: { shop: 'main' } },
  { name: 'reinstate_money_at_risk', labels: { shop: 'main', currency: 'EUR' } },
  { name: 'reinstate_money_recovered', labels: { shop: 'main', currency: 'EUR' } },
];

describe('the dashboards', () => {
  it('name only metrics, labels and values that there are', async () => {
    const recorded = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
    const shown = [...parseExposition(exposition), ...laterSeries];
    const expressions = await dashboardExpressions();
    const faults = expressions.flatMap(([file, expr]) =>
      promqlFaults(expr, { series: shown, others: ['up', ...recorded] }).map(
        (fault) => `${file}: ${fault}`,
      ),
    );
    expect(expressions.length).toBeGreaterThan(50);
    expect(faults).toEqual([]);
  });
});
