import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { defaultDashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { z } from 'zod';
import { builtDashboards } from '../../dashboards/built.js';
import { usualAddress } from '../../dashboards/dashboard.js';
import { parseConfig } from '../../src/config/load-config.js';
import { packageRoot } from '../../src/platform/package-root.js';
import { readPromql } from '../support/promql.js';

const root = packageRoot();
const folder = join(root, 'dashboards/json');
const textOf = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

const chosen = z.object({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });
const position = z.object({ x: z.int(), y: z.int(), w: z.int().min(1), h: z.int().min(1) });
const row = z.object({
  id: z.int(),
  type: z.literal('row'),
  title: z.string().min(1),
  gridPos: position,
});
const panel = z.object({
  id: z.int(),
  type: z.enum(['stat', 'timeseries', 'bargauge']),
  title: z.string().min(1),
  description: z.string().min(20),
  datasource: chosen,
  gridPos: position,
  links: z.array(z.object({ title: z.string(), url: z.string() })).optional(),
  targets: z
    .array(
      z.object({
        refId: z.string(),
        datasource: chosen,
        expr: z.string().min(1),
        legendFormat: z.string().min(1),
        instant: z.boolean().optional(),
        range: z.boolean().optional(),
      }),
    )
    .min(1),
  fieldConfig: z.object({
    defaults: z.object({
      unit: z.string().min(1),
      thresholds: z.object({
        steps: z.array(z.object({ value: z.number().nullable(), color: z.string() })).min(1),
      }),
    }),
  }),
});
const dashboard = z.object({
  uid: z.string().min(8).max(40),
  title: z.string().min(1),
  description: z.string().min(1),
  schemaVersion: z.int(),
  templating: z.object({ list: z.array(z.object({ type: z.string(), name: z.string() })) }),
  panels: z.array(z.union([row, panel])),
});

type Panel = z.output<typeof panel>;

let dashboards: z.output<typeof dashboard>[];
let panels: Panel[];

beforeAll(() => {
  dashboards = builtDashboards().map(({ text }) => dashboard.parse(JSON.parse(text)));
  panels = dashboards.flatMap((one) => one.panels.filter((each) => 'targets' in each));
});

/** Where each metric's numbers come from, as docs/observability.md tells. */
async function origins(): Promise<Map<string, string>> {
  const text = await textOf('docs/observability.md');
  const rows = text.matchAll(/^\| `(reinstate_\w+)` \| \w+ \|[^|]*\| (rows|process) \|/gm);
  return new Map([...rows].map(([, name = '', from = '']) => [name, from]));
}

describe('the dashboards', () => {
  it('lie in dashboards/json/ as `npm run dashboards` builds them, and nothing else does', async () => {
    const built = builtDashboards();
    expect((await readdir(folder)).sort()).toEqual(built.map(({ name }) => name).sort());
    for (const { name, text } of built)
      expect([name, await readFile(join(folder, name), 'utf8')]).toEqual([name, text]);
  });

  it('are of the schema version that the builder is for, each under an address of its own', () => {
    expect(dashboards.map(({ schemaVersion }) => schemaVersion)).toEqual(
      dashboards.map(() => defaultDashboard().schemaVersion),
    );
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(3);
    for (const { panels: own } of dashboards) {
      const ids = own.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('let one choose Prometheus, shops, and the address that links begin with', async () => {
    for (const { templating } of dashboards)
      expect(templating.list.map(({ type, name }) => `${type} ${name}`)).toEqual([
        'datasource datasource',
        'query shop',
        'textbox reinstate',
      ]);
    const file = 'deploy/reinstate.yaml';
    const config = parseConfig(await textOf(file), { file, environment: {} });
    expect(usualAddress).toBe(config.http.public_url);
  });

  it('fill their rows, and no panel lies on another', () => {
    for (const { title, panels: own } of dashboards) {
      const cells = own.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from(
          { length: w * h },
          (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`,
        ),
      );
      expect([title, new Set(cells).size]).toEqual([title, cells.length]);
      const height = Math.max(...own.map(({ gridPos }) => gridPos.y + gridPos.h));
      expect([title, cells.length]).toEqual([title, 24 * height]);
    }
  });

  it('have panels whose links lead to runbooks that there are', () => {
    const links = panels.flatMap(({ links: own }) => own ?? []);
    expect(links.length).toBeGreaterThan(20);
    for (const { url } of links) {
      const [, name] = /^\$\{reinstate\}\/api\/v1\/runbooks\/(\w+)$/.exec(url) ?? [];
      expect([url, existsSync(join(root, `runbooks/${name}.md`))]).toEqual([url, true]);
    }
  });

  it('have panels that turn red where something is to be done, with a runbook or an alert to say what', () => {
    const red = panels.filter(({ fieldConfig }) =>
      fieldConfig.defaults.thresholds.steps.some(({ color }) => color === 'red'),
    );
    expect(red.length).toBeGreaterThan(10);
  });

  it('look at the chosen shops wherever a metric has shops', async () => {
    const text = await textOf('docs/observability.md');
    const named = text.matchAll(/^\| `(reinstate_\w+)` \| \w+ \|([^|]*)\|/gm);
    const ofShops = new Set(
      [...named].flatMap(([, name = '', labels = '']) => (labels.includes('`shop`') ? [name] : [])),
    );
    for (const { title, targets } of panels)
      for (const { expr } of targets)
        for (const { name, matchers } of readPromql(expr).selectors) {
          if (!ofShops.has(name.replace(/_(bucket|sum|count)$/, ''))) continue;
          const shops = matchers.filter(({ label }) => label === 'shop');
          expect([title, shops]).toEqual([
            title,
            [{ label: 'shop', operator: '=~', value: '$shop' }],
          ]);
        }
  });

  it('put processes together by the greatest where rows tell, else by their sum', async () => {
    const from = await origins();
    const found = panels.flatMap(({ title, targets }) =>
      targets.flatMap(({ expr }) =>
        [...expr.matchAll(/(.{0,80}?)(reinstate_\w+)/g)].map(([, before = '', name = '']) => ({
          ...{ title, name },
          by: /(\w+)(?: by \([\w, ]+\) ?)?\((?:(?:rate|increase)\()?$/.exec(before)?.[1],
        })),
      ),
    );
    expect(found.length).toBeGreaterThan(50);
    for (const { title, name, by } of found) {
      const origin = from.get(name.replace(/_(bucket|sum|count)$/, ''));
      const right = origin === 'rows' ? ['max'] : ['sum', 'min'];
      expect([title, name, origin, right.includes(by ?? '')]).toEqual([title, name, origin, true]);
    }
  });
});
