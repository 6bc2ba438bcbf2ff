import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { packageRoot } from '../../src/platform/package-root.js';

/** Rules that a tool holds are broken here one by one: a tool that no longer notices is no rule. */
const root = packageRoot();

describe('the folders of src', () => {
  /** DESIGN's rooms, also those that have no file yet. */
  const rooms = [
    ...['platform', 'orders', 'access', 'journal', 'shops', 'intake', 'detection', 'alerting'],
    ...['incidents', 'runbooks', 'restore', 'customers', 'reviews', 'console'],
  ];

  it('are rooms, the settings and the command line; only the composition stands beside them', async () => {
    const found = await readdir(join(root, 'src'), { withFileTypes: true });
    const folders = found.filter((one) => one.isDirectory()).map(({ name }) => name);
    expect(folders.filter((name) => ![...rooms, 'config', 'cli'].includes(name))).toEqual([]);
    const files = found.filter((one) => one.isFile()).map(({ name }) => name);
    expect(files.sort()).toEqual([
      'app.module.ts',
      'bootstrap.ts',
      'cli.ts',
      'entities.ts',
      'main.ts',
    ]);
  });

  it('hold no barrel: the only index lists migrations', async () => {
    const places = ['src', 'demo', 'local-postgres', 'bench'];
    const found = places.map(async (place) =>
      (await readdir(join(root, place), { recursive: true })).map((name) => `${place}/${name}`),
    );
    const files = (await Promise.all(found)).flat();
    expect(files.filter((path) => /(^|\/)index\.[cm]?[jt]sx?$/.test(path))).toEqual([
      'src/platform/database/migrations/index.ts',
    ]);
  });
});

describe('the import rules', () => {
  let tree: string;
  let violations: readonly { rule: string; from: string; to: string }[];

  /** Which file imports which, in a tree that breaks every rule once and also does what is allowed. */
  const imports: Readonly<Record<string, readonly string[]>> = {
    'src/platform/clock.ts': [],
    'src/platform/money.ts': [],
    'src/platform/secret-file.ts': [],
    'src/platform/package-root.ts': [],
    'src/config/config.schema.ts': [],
    'src/cli/nouns.ts': [],
    'src/app.module.ts': [],
    'src/orders/order.ts': ['src/platform/money.ts', 'zod'],
    'src/access/role.ts': ['src/journal/journal.ts'],
    'src/journal/journal.ts': ['src/shops/shop.ts'],
    'src/shops/shop.ts': ['src/orders/order.ts', 'src/config/config.schema.ts'],
    'src/intake/intake.ts': ['src/detection/finding.ts'],
    'src/detection/finding.ts': ['src/journal/journal.ts'],
    'src/alerting/alert.ts': ['src/incidents/incident.ts'],
    'src/incidents/incident.ts': ['src/runbooks/step.ts'],
    'src/runbooks/step.ts': ['src/restore/plan.ts'],
    'src/restore/plan.ts': ['src/customers/notice.ts'],
    'src/customers/notice.ts': ['src/reviews/review.ts', 'src/restore/plan.ts'],
    'src/reviews/review.ts': ['src/console/page.ts'],
    'src/console/page.ts': ['src/reviews/drill.ts', 'src/app.module.ts'],
    'src/reviews/drill.ts': ['src/customers/notice.ts'],
    'src/helpers/text.ts': ['src/platform/clock.ts'],
    'src/orders/text.ts': ['src/helpers/text.ts'],
    'src/orders/file.ts': [
      ...['src/platform/secret-file.ts', 'src/platform/package-root.ts', 'src/platform/clock.ts'],
      ...['node:fs', 'declared'],
    ],
    'src/shops/text.ts': ['src/journal/journal.ts'],
    'src/detection/text.ts': ['src/intake/intake.ts'],
    'src/platform/text.ts': ['src/config/config.schema.ts'],
    'src/config/text.ts': ['src/orders/order.ts'],
    'src/cli/text.ts': ['src/orders/order.ts'],
    'src/access/text.ts': ['src/cli/nouns.ts'],
    'src/access/round.ts': ['src/access/trip.ts'],
    'src/access/trip.ts': ['src/access/round.ts'],
    'demo/shop.ts': ['src/platform/clock.ts'],
    'local-postgres/server.ts': ['src/platform/clock.ts'],
    'src/restore/proof.ts': ['demo/shop.ts'],
    'src/reviews/packages.ts': ['declared', 'for-tests', 'undeclared'],
    'demo/packages.ts': ['for-tests'],
    'local-postgres/packages.ts': ['undeclared'],
    'src/reviews/packages.spec.ts': ['for-tests'],
  };
  /** Packages that stand in the tree's node_modules, and what its package.json says of them. */
  const packages = {
    type: 'module',
    dependencies: { declared: '1.0.0', zod: '1.0.0' },
    devDependencies: { 'for-tests': '1.0.0' },
  };
  const installed = ['declared', 'zod', 'for-tests', 'undeclared'];

  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'reinstate-rules-'));
    await writeFile(join(tree, 'tsconfig.json'), await readFile(join(root, 'tsconfig.json')));
    await writeFile(join(tree, 'package.json'), JSON.stringify(packages));
    for (const name of installed) {
      const folder = join(tree, 'node_modules', name);
      await mkdir(folder, { recursive: true });
      const main = { name, version: '1.0.0', type: 'module', exports: './index.js' };
      await writeFile(join(folder, 'package.json'), JSON.stringify(main));
      await writeFile(join(folder, 'index.js'), 'export const used = 1;');
    }
    for (const [path, targets] of Object.entries(imports)) {
      const lines = targets.map((target, index) => `import * as m${index} from '${target}';`);
      const used = `export const used = [${targets.map((_, index) => `m${index}`).join(', ')}];`;
      await mkdir(join(tree, dirname(path)), { recursive: true });
      const up = '../'.repeat(path.split('/').length - 1);
      const text = [...lines, used].join('\n').replaceAll(/from '(.*)\.ts'/g, `from '${up}$1.js'`);
      await writeFile(join(tree, path), text);
    }
    violations = await cruised(tree);
  });
  afterAll(() => rm(tree, { recursive: true, force: true }));

  it.each([
    ['rooms-access', 'src/access/role.ts', 'src/journal/journal.ts'],
    ['rooms-journal', 'src/journal/journal.ts', 'src/shops/shop.ts'],
    ['rooms-shops', 'src/shops/text.ts', 'src/journal/journal.ts'],
    ['rooms-intake', 'src/intake/intake.ts', 'src/detection/finding.ts'],
    ['rooms-detection', 'src/detection/text.ts', 'src/intake/intake.ts'],
    ['rooms-alerting', 'src/alerting/alert.ts', 'src/incidents/incident.ts'],
    ['rooms-incidents', 'src/incidents/incident.ts', 'src/runbooks/step.ts'],
    ['rooms-runbooks', 'src/runbooks/step.ts', 'src/restore/plan.ts'],
    ['rooms-restore', 'src/restore/plan.ts', 'src/customers/notice.ts'],
    ['rooms-customers', 'src/customers/notice.ts', 'src/reviews/review.ts'],
    ['rooms-reviews', 'src/reviews/review.ts', 'src/console/page.ts'],
    ['rooms-console', 'src/console/page.ts', 'src/app.module.ts'],
    ['no-unknown-room', 'src/helpers/text.ts', 'src/platform/clock.ts'],
    ['no-way-into-an-unknown-room', 'src/orders/text.ts', 'src/helpers/text.ts'],
    ['orders-is-pure', 'src/orders/text.ts', 'src/helpers/text.ts'],
    ['orders-is-pure', 'src/orders/file.ts', 'src/platform/secret-file.ts'],
    ['orders-is-pure', 'src/orders/file.ts', 'src/platform/package-root.ts'],
    ['orders-is-pure', 'src/orders/file.ts', 'src/platform/clock.ts'],
    ['orders-is-pure', 'src/orders/file.ts', 'fs'],
    ['orders-is-pure', 'src/orders/file.ts', 'node_modules/declared/index.js'],
    ['platform-knows-no-room', 'src/platform/text.ts', 'src/config/config.schema.ts'],
    ['config-knows-no-room', 'src/config/text.ts', 'src/orders/order.ts'],
    ['cli-is-a-client', 'src/cli/text.ts', 'src/orders/order.ts'],
    ['rooms-access', 'src/access/text.ts', 'src/cli/nouns.ts'],
    ['no-cycles', 'src/access/round.ts', 'src/access/trip.ts'],
    ['demo-stands-apart', 'demo/shop.ts', 'src/platform/clock.ts'],
    ['demo-stands-apart', 'local-postgres/server.ts', 'src/platform/clock.ts'],
    ['product-knows-no-demo', 'src/restore/proof.ts', 'demo/shop.ts'],
    ['only-declared-packages', 'src/reviews/packages.ts', 'node_modules/for-tests/index.js'],
    ['only-declared-packages', 'src/reviews/packages.ts', 'node_modules/undeclared/index.js'],
    ['only-declared-packages', 'demo/packages.ts', 'node_modules/for-tests/index.js'],
    ['only-declared-packages', 'local-postgres/packages.ts', 'node_modules/undeclared/index.js'],
  ])('%s: %s may not import %s', (rule, from, to) => {
    expect(violations).toContainEqual({ rule, from, to });
  });

  it.each([
    ['src/orders/order.ts', 'src/platform/money.ts'],
    ['src/orders/order.ts', 'node_modules/zod/index.js'],
    ['src/reviews/packages.ts', 'node_modules/declared/index.js'],
    ['src/reviews/packages.spec.ts', 'node_modules/for-tests/index.js'],
    ['src/shops/shop.ts', 'src/orders/order.ts'],
    ['src/shops/shop.ts', 'src/config/config.schema.ts'],
    ['src/detection/finding.ts', 'src/journal/journal.ts'],
    ['src/customers/notice.ts', 'src/restore/plan.ts'],
    ['src/reviews/drill.ts', 'src/customers/notice.ts'],
    ['src/console/page.ts', 'src/reviews/drill.ts'],
  ])('%s may import %s', (from, to) => {
    const broken = violations.filter(
      (one) => one.from === from && one.to === to && one.rule !== 'no-cycles',
    );
    expect(broken).toEqual([]);
  });
});

async function cruised(tree: string): Promise<{ rule: string; from: string; to: string }[]> {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const rules = join(root, '.dependency-cruiser.mjs');
  const places = ['src', 'demo', 'local-postgres'];
  const args = [program, '--config', rules, '--output-type', 'json', ...places];
  const text = await new Promise<string>((resolve) => {
    // it ends with the number of violations
    execFile(process.execPath, args, { cwd: tree, maxBuffer: 10_000_000 }, (_error, stdout) =>
      resolve(stdout),
    );
  });
  const { summary } = JSON.parse(text) as {
    summary: { violations: { rule: { name: string }; from: string; to: string }[] };
  };
  return summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to }));
}

describe('the lint rules', () => {
  const linter = new Linter({ cwd: root });
  let config: Linter.Config[];
  beforeAll(async () => {
    const file = join(root, 'eslint.config.mjs');
    const { default: own } = (await import(file)) as { default: Linter.Config[] };
    // what needs types is left to the compiler's own run
    config = [...own, tseslint.configs.disableTypeChecked];
  });

  const rulesBroken = (path: string, text: string): string[] =>
    linter
      .verify(text, config, { filename: join(root, path) })
      .map(({ ruleId, message }) => ruleId ?? message);

  const lines = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index)).join('\n');
  const constant = (index: number) => `export const value${index} = ${index};`;
  const statements = (count: number) =>
    `export function long(): number {\n${lines(count, (index) => `  work(${index});`)}\n  return 1;\n}`;
  const constructorOf = (count: number) =>
    `export class Wide {\n  constructor(${lines(count, (index) => `private readonly part${index}: string,`)}) {}\n}`;

  const service = 'src/access/some.service.ts';
  it.each<[string, string, string, string]>([
    ['max-lines', 'a file of 401 lines', service, lines(401, constant)],
    ['max-lines-per-function', 'a function of 71 lines', service, statements(69)],
    ['@typescript-eslint/max-params', 'a constructor of 8', service, constructorOf(8)],
    ['no-restricted-syntax', 'a query outside a store', service, 'await reader.query(text);'],
    ['no-restricted-syntax', 'SQL in a text', service, "export const text = 'SELECT 1';"],
    [
      'no-restricted-syntax',
      'SQL in a template',
      service,
      'export const text = `\n  DELETE FROM ${table}`;',
    ],
    [
      'no-restricted-syntax',
      'a query in a controller',
      'src/access/x.controller.ts',
      'd.queryOne(t)',
    ],
    [
      'no-restricted-syntax',
      'SQL in a new room',
      'src/customers/notice.ts',
      'await d.query(text);',
    ],
    ['no-restricted-syntax', 'SQL in intake', 'src/intake/webhooks/x.ts', 'await d.query(text);'],
    ['no-restricted-syntax', 'forwardRef', 'src/access/x.module.ts', 'use(forwardRef(() => X));'],
    ['no-restricted-syntax', 'a barrel', 'src/access/all.ts', "export * from './role.js';"],
    ['no-restricted-syntax', 'names passed on', 'src/access/a.ts', "export { a } from './b.js';"],
    [
      'no-restricted-syntax',
      'types passed on',
      'src/access/a.ts',
      "export type { A } from './b.js';",
    ],
    [
      'no-restricted-syntax',
      'a barrel in a store',
      'src/access/a.store.ts',
      "export * from './b.js';",
    ],
    ['no-restricted-syntax', 'a default export', 'src/access/a.ts', 'export default class A {}'],
    ['no-restricted-syntax', 'a barrel in the demo', 'demo/all.ts', "export * from './b.js';"],
    ['no-restricted-properties', 'process.env', service, 'export const a = process.env;'],
    ['no-restricted-properties', 'Date.now', service, 'export const a = Date.now();'],
    ['no-console', 'console', service, "console.log('x');"],
    ['@typescript-eslint/no-explicit-any', 'any', service, 'export let a: any;'],
  ])('%s refuses %s', (rule, _what, path, text) => {
    expect(rulesBroken(path, text)).toContain(rule);
  });

  it.each<[string, string, string]>([
    ['a file of 400 lines', service, lines(400, constant)],
    ['a function of 70 lines', service, statements(67)],
    ['a constructor of 7', service, constructorOf(7)],
    ['a query in a store', 'src/access/some.store.ts', "await reader.query('SELECT 1');"],
    ['a query in a migration', 'src/platform/database/migrations/1.ts', "r.query('SELECT 1');"],
    ['a query to a shop', 'src/shops/postgres/x.ts', "await client.query('SELECT 1');"],
    ['a query to a stream', 'src/intake/replication/source/x.ts', "await c.query('SELECT 1');"],
    ['a query in a test', 'src/access/x.spec.ts', "await client.query('SELECT 1');"],
    ['words that only begin alike', service, "export const text = 'Select a shop, or UPDATE';"],
  ])('%s passes', (_what, path, text) => {
    expect(rulesBroken(path, text)).toEqual([]);
  });
});
