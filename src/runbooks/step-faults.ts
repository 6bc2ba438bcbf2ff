import { urlFault } from './allowed-url.js';
import type { Step, StepKindName } from './definition.js';
import { knownNames, namesIn } from './placeholders.js';
import { queryFaults } from './read-only-sql.js';

/** What is wrong with one field of the steps. */
export interface StepFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** characters into the field's text, where the fault is within it */
  readonly offset?: number;
}

/** What a runbook is judged by besides its text. */
export interface LintFacts {
  /** hosts that the configuration allows */
  readonly allowedHosts: readonly string[];
}

/** What a step says about a field that names another step. */
const references: Partial<Record<StepKindName, { field: 'plan' | 'restore'; of: StepKindName }>> = {
  approval: { field: 'plan', of: 'plan' },
  restore: { field: 'plan', of: 'plan' },
  verify: { field: 'restore', of: 'restore' },
};

/** What no schema can say: names, references, queries, addresses. All faults at once. Pure. */
export function stepFaults(steps: readonly Step[], facts: LintFacts): StepFault[] {
  return steps.flatMap((step, index) => {
    const earlier = steps.slice(0, index);
    return [
      ...nameFaults(step, earlier),
      ...referenceFaults(step, earlier),
      ...whenFaults(step, earlier),
      ...ownFaults(step, facts),
      ...placeholderFaults(step, earlier),
    ].map((fault) => ({ ...fault, path: ['steps', index, ...fault.path] }));
  });
}

function nameFaults({ name }: Step, earlier: readonly Step[]): StepFault[] {
  if (!earlier.some((one) => one.name === name)) return [];
  return [
    { path: ['name'], message: `another step is called "${name}"; each needs a name of its own` },
  ];
}

function referenceFaults(step: Step, earlier: readonly Step[]): StepFault[] {
  const reference = references[step.kind];
  if (reference === undefined) return [];
  const { field, of } = reference;
  const named = (step as Record<string, unknown>)[field];
  if (earlier.some(({ name, kind }) => name === named && kind === of)) return [];
  return [{ path: [field], message: `no earlier step of kind ${of} is called "${String(named)}"` }];
}

function whenFaults({ when }: Step, earlier: readonly Step[]): StepFault[] {
  const asked = when?.question;
  if (asked === undefined) return [];
  const question = earlier.find(({ name }) => name === asked.step);
  if (question?.kind !== 'question')
    return [
      {
        path: ['when', 'question', 'step'],
        message: `no earlier question is called "${asked.step}"`,
      },
    ];
  return notAmong(asked.is, question.options, ['when', 'question', 'is']);
}

function ownFaults(step: Step, { allowedHosts }: LintFacts): StepFault[] {
  switch (step.kind) {
    case 'sql':
      return queryFaults(step.query).map((fault) => ({ ...fault, path: ['query'] }));
    case 'http':
    case 'webhook': {
      const message = urlFault(step.url, allowedHosts);
      return message === undefined ? [] : [{ path: ['url'], message }];
    }
    case 'question': {
      const assumed = step.assume === undefined ? [] : [step.assume];
      return [
        ...notAmong(step.go_on_with ?? [], step.options, ['go_on_with']),
        ...notAmong(assumed, step.options, ['assume']),
      ];
    }
    case 'wait':
    case 'quiet':
    case 'plan':
    case 'approval':
    case 'restore':
    case 'verify':
      return [];
  }
}

function notAmong(
  answers: readonly string[],
  options: readonly string[] | undefined,
  path: readonly string[],
): StepFault[] {
  if (options === undefined) return [];
  return answers
    .filter((answer) => !options.includes(answer))
    .map((answer) => ({
      path,
      message: `"${answer}" is none of the question's options (${options.join(', ')})`,
    }));
}

/** Texts of a step in which placeholders may stand. */
function textsOf(step: Step): (readonly [path: readonly string[], text: string])[] {
  switch (step.kind) {
    case 'sql':
      return [[['query'], step.query]];
    case 'http':
      return [[['url'], step.url]];
    case 'webhook': {
      const members = Object.entries(step.body);
      return [[['url'], step.url], ...members.map(([key, text]) => [['body', key], text] as const)];
    }
    case 'question':
      return [[['ask'], step.ask]];
    case 'wait':
    case 'quiet':
    case 'plan':
    case 'approval':
    case 'restore':
    case 'verify':
      return [];
  }
}

function placeholderFaults(step: Step, earlier: readonly Step[]): StepFault[] {
  const answers = earlier
    .filter(({ kind }) => kind === 'question')
    .map(({ name }) => `answers.${name}`);
  const known: readonly string[] = [...knownNames, ...answers];
  return textsOf(step).flatMap(([path, text]) =>
    [...new Set(namesIn(text))]
      .filter((name) => !known.includes(name))
      .map((name) => ({
        path,
        offset: text.indexOf('{{'),
        message: `nothing is known as {{ ${name} }}; there are: ${known.join(', ')}`,
      })),
  );
}
