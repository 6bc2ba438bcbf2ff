import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packageRoot } from '../platform/package-root.js';
import { lintRunbook } from './lint.js';

const people = `# PaymentsDown

## Meaning
a

## Impact
b

## Diagnosis
c

## Mitigation
d
`;
const facts = { name: 'PaymentsDown', allowedHosts: ['shop.example.com', 'localhost:8080'] };
/** The block's first line is line 15. */
const withSteps = (yaml: string) => `${people}\`\`\`yaml runbook\n${yaml}\n\`\`\`\n`;
const faultsOf = (text: string) =>
  lintRunbook(text, facts).faults.map(({ line, field, message }) => `${line} ${field}: ${message}`);
const faultsIn = (yaml: string) => faultsOf(withSteps(yaml));

describe('a runbook', () => {
  it('needs no steps', () => {
    expect(lintRunbook(people, facts)).toEqual({ steps: [], faults: [] });
  });

  it('has its sections, once, filled and in order, under the alert’s name', () => {
    const text =
      '# Other\n\n## Impact\nb\n## Meaning\n\n## Diagnosis\nc\n## Diagnosis\nc again\n```\n## Mitigation\n```\n';
    expect(faultsOf(text)).toEqual([
      '1 : it begins with "# PaymentsDown", the alert\'s name',
      '1 : the section "## Mitigation" is missing',
      '3 : the sections come in this order: Meaning, Impact, Diagnosis, Mitigation',
      '5 : the section "## Meaning" says nothing',
      '9 : there is a second section "## Diagnosis"',
    ]);
  });

  it('has one block of steps, which is closed', () => {
    const block = '```yaml runbook\nsteps: [{ name: a, kind: plan }]\n';
    expect(faultsOf(`${people}${block}\`\`\`\n${block}`)).toEqual([
      '18 : there is a second block of steps; one runbook has one',
      '18 : the block of steps is never closed',
    ]);
  });

  it('says where its YAML cannot be read', () => {
    expect(faultsIn('steps:\n  - name: "a')).toEqual([
      expect.stringMatching(/^1[67] : Missing closing "quote/) as unknown,
    ]);
  });

  it('tells every fault of its steps at once, each with its line', () => {
    const yaml = `steps:
  - name: Job_off
    kind: sql
    query: SELECT 1
  - name: more
    kind: telephone
  - name: look
    kind: http
    url: https://elsewhere.example.com/
    methode: GET
  - name: pause
    kind: wait
    for: 3 days
  - name: write
    kind: sql
    query: |
      SELECT *
      FROM a; DELETE
      FROM b
  - name: write
    kind: http
    url: https://elsewhere.example.com/
  - name: yes
    kind: approval
    plan: look`;
    expect(faultsIn(yaml)).toEqual([
      '16 steps[0].name: lower-case letters, digits and dashes, e.g. job-is-off',
      '20 steps[1].kind: there is no such kind of step; there are: sql, http, question, wait, quiet, plan, approval, restore, verify, webhook',
      '24 steps[2].methode: there is no such field',
      '27 steps[3].for: a duration is a whole number with ms, s, m or h, e.g. 5s',
      '32 steps[4].query: a check is one statement',
      '32 steps[4].query: DELETE writes; a check only reads (a column of that name is written in double quotes)',
      '34 steps[5].name: another step is called "write"; each needs a name of its own',
      '36 steps[5].url: the host elsewhere.example.com is not allowed; shop.example.com, localhost:8080 are (runbooks.allowed_hosts in the configuration)',
    ]);
  });

  it('names only steps that come before, of the right kind, and answers that there are', () => {
    const yaml = `steps:
  - { name: go, kind: restore, plan: later }
  - { name: later, kind: plan }
  - { name: sign, kind: approval, plan: go }
  - { name: ask, kind: question, ask: "well?", options: [yes, no], go_on_with: [maybe], assume: perhaps }
  - { name: check, kind: verify, restore: go, when: { question: { step: ask, is: [never] } } }
  - { name: note, kind: webhook, url: "https://shop.example.com/{{ who }}", body: { a: "{{ answers.ask }} {{ answers.none }}" } }`;
    expect(faultsIn(yaml)).toEqual([
      '16 steps[0].plan: no earlier step of kind plan is called "later"',
      '18 steps[2].plan: no earlier step of kind plan is called "go"',
      '19 steps[3].go_on_with: "maybe" is none of the question\'s options (yes, no)',
      '19 steps[3].assume: "perhaps" is none of the question\'s options (yes, no)',
      '20 steps[4].when.question.is: "never" is none of the question\'s options (yes, no)',
      expect.stringMatching(/^21 steps\[5\].url: nothing is known as \{\{ who \}\}/) as unknown,
      expect.stringMatching(
        /^21 steps\[5\].body.a: nothing is known as \{\{ answers.none \}\}/,
      ) as unknown,
    ]);
  });
});

describe('the runbooks that ship', () => {
  it('have no faults', async () => {
    const folder = join(packageRoot(), 'runbooks');
    const files = (await readdir(folder)).filter((file) => file.endsWith('.md'));
    expect(files).toContain('WrongfulCancellations.md');
    for (const file of files) {
      const text = await readFile(join(folder, file), 'utf8');
      const { faults } = lintRunbook(text, { name: file.slice(0, -3), allowedHosts: [] });
      expect({ file, faults }).toEqual({ file, faults: [] });
    }
  });
});
