import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { alertNames } from '../../src/alerting/alert.js';
import { packageRoot } from '../../src/platform/package-root.js';

const root = packageRoot();

it('has every alert, and none that there is not, each with its runbook', async () => {
  const document = await readFile(join(root, 'docs/operations.md'), 'utf8');
  const rows = [...document.matchAll(/^\| \[(\w+)\]\(\.\.\/runbooks\/(\w+)\.md\) \|/gm)];
  const rules = parse(await readFile(join(root, 'alerts/reinstate.rules.yml'), 'utf8')) as {
    groups: { rules: { alert?: string }[] }[];
  };
  const alerts = rules.groups.flatMap((group) => group.rules.flatMap(({ alert }) => alert ?? []));
  const runbooks = await readdir(join(root, 'runbooks'));
  expect(rows.map(([, alert]) => alert).sort()).toEqual([...alerts].sort());
  expect(alerts).toEqual(expect.arrayContaining([...alertNames]));
  for (const [, alert, runbook] of rows) expect(runbook).toBe(alert);
  expect(runbooks.map((name) => name.replace(/\.md$/, '')).sort()).toEqual([...alerts].sort());
});
