import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { stepsSchema, type Step } from './definition.js';
import { partsOf, sections, type RunbookParts, type StepsBlock } from './markdown.js';
import { stepFaults, type LintFacts, type StepFault } from './step-faults.js';

/** Longer than any person reads at three in the morning. */
const textLengthMax = 200_000;

/** One thing that is wrong with a runbook. */
export interface RunbookFault {
  /** counts from 1 */
  readonly line: number;
  /** e.g. `steps[2].query`; empty where it is about the text for people */
  readonly field: string;
  readonly message: string;
}

/** What a runbook says, and all that is wrong with it. Without faults, `steps` is what runs. */
export interface Linted {
  readonly steps: readonly Step[];
  readonly faults: readonly RunbookFault[];
}

/**
 * Reads a runbook's text and names every fault at once, by line: sections for people, the block's form, and
 * what its steps say. `name` is the alert's, which is also the file's. A runbook without steps is none the
 * worse: it is for people alone. Pure.
 */
export function lintRunbook(text: string, facts: LintFacts & { readonly name: string }): Linted {
  if (text.length > textLengthMax)
    return { steps: [], faults: [fault(1, '', `it has more than ${textLengthMax} characters`)] };
  const parts = partsOf(text);
  const block = parts.blocks[0];
  const read = block === undefined ? { steps: [], faults: [] } : readBlock(block, facts);
  const faults = [...sectionFaults(parts, facts.name), ...blockFaults(parts), ...read.faults];
  return {
    steps: read.steps,
    faults: faults.sort((left, right) => left.line - right.line),
  };
}

function sectionFaults({ headings, filled }: RunbookParts, name: string): RunbookFault[] {
  const [title] = headings.filter(({ level }) => level === 1);
  const faults: RunbookFault[] = [];
  if (title?.text !== name)
    faults.push(fault(title?.line ?? 1, '', `it begins with "# ${name}", the alert's name`));
  let last = 0;
  for (const section of sections) {
    const found = headings.filter(({ level, text }) => level === 2 && text === section);
    const [first, second] = found;
    if (first === undefined) {
      faults.push(fault(1, '', `the section "## ${section}" is missing`));
      continue;
    }
    if (second !== undefined)
      faults.push(fault(second.line, '', `there is a second section "## ${section}"`));
    if (filled.get(first.line) === false)
      faults.push(fault(first.line, '', `the section "## ${section}" says nothing`));
    if (first.line < last)
      faults.push(fault(first.line, '', `the sections come in this order: ${sections.join(', ')}`));
    last = first.line;
  }
  return faults;
}

function blockFaults({ blocks }: RunbookParts): RunbookFault[] {
  const [, ...more] = blocks;
  return [
    ...more.map(({ line }) =>
      fault(line, '', 'there is a second block of steps; one runbook has one'),
    ),
    ...blocks
      .filter(({ isOpen }) => isOpen)
      .map(({ line }) => fault(line, '', 'the block of steps is never closed')),
  ];
}

function readBlock(block: StepsBlock, facts: LintFacts): Linted {
  const lines = new LineCounter();
  const document = parseDocument(block.text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => lines.linePos(offset).line - 1 + block.line;
  if (document.errors.length > 0)
    return {
      steps: [],
      faults: document.errors.map(({ pos, message }) => fault(lineAt(pos[0]), '', message)),
    };
  const given: unknown = document.toJS();
  const parsed = stepsSchema.safeParse(given);
  const faults = parsed.success
    ? stepFaults(parsed.data.steps, facts)
    : [...parsed.error.issues.flatMap(schemaFaults), ...faultsOfGoodOnes(given, facts)];
  return {
    steps: parsed.success ? parsed.data.steps : [],
    faults: faults.map((one) =>
      fault(lineOf(document, one, lines) - 1 + block.line, pathText(one.path), one.message),
    ),
  };
}

function schemaFaults(issue: z.core.$ZodIssue): StepFault[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such field' }));
  if (issue.code === 'invalid_union' && path.at(-1) === 'kind') {
    const kinds = stepsSchema.shape.steps.element.options.map(({ shape }) => shape.kind.value);
    return [{ path, message: `there is no such kind of step; there are: ${kinds.join(', ')}` }];
  }
  return [{ path, message: issue.message }];
}

/** Where some steps have no good form, the others are judged all the same: all faults are told at once. */
function faultsOfGoodOnes(given: unknown, facts: LintFacts): StepFault[] {
  const list = (given as { steps?: unknown } | null)?.steps;
  if (!Array.isArray(list)) return [];
  const parsed = list.map((one: unknown) => stepsSchema.shape.steps.element.safeParse(one));
  const places = parsed.flatMap(({ success }, index) => (success ? [index] : []));
  const good = parsed.flatMap((one) => (one.success ? [one.data] : []));
  const lost = new Set(
    list.flatMap((one: unknown, index) =>
      places.includes(index) ? [] : [(one as { name?: unknown } | null)?.name],
    ),
  );
  return stepFaults(good, facts)
    .filter(({ message }) => ![...lost].some((name) => message.includes(`"${String(name)}"`)))
    .map(({ path: [, index, ...rest], ...one }) => ({
      ...one,
      path: ['steps', places[Number(index)] ?? 0, ...rest],
    }));
}

/** Line within the block of what is wrong: the named part, the key that nobody knows, or what should hold it. */
function lineOf(document: Document, { path, offset = 0 }: StepFault, lines: LineCounter): number {
  const lineAt = (place: number | undefined) =>
    place === undefined ? undefined : lines.linePos(place).line;
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const found = isNode(node) ? lineAt(node.range?.[0]) : undefined;
    if (found === undefined) continue;
    if (length < path.length)
      return lineAt(keyOffset(document, path.slice(0, length + 1))) ?? found;
    return found + linesInto(node, offset);
  }
  return 1;
}

function keyOffset(document: Document, path: readonly (string | number)[]): number | undefined {
  const above: unknown = document.getIn(path.slice(0, -1), true);
  if (!isMap(above)) return undefined;
  const key = above.items
    .map((pair) => pair.key)
    .find((one) => isScalar(one) && one.value === path.at(-1));
  return isScalar(key) ? key.range?.[0] : undefined;
}

/** A text written line by line (`|`) begins below its mark. */
function linesInto(node: unknown, offset: number): number {
  if (!isScalar(node) || typeof node.value !== 'string' || node.type !== 'BLOCK_LITERAL') return 0;
  return node.value.slice(0, offset).split('\n').length;
}

/** `steps[2].query`. */
function pathText(path: readonly (string | number)[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

function fault(line: number, field: string, message: string): RunbookFault {
  return { line, field, message };
}
