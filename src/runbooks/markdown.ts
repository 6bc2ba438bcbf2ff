/** The sections that every runbook has for people. */
export const sections = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'] as const;

/** A fenced block of steps, and where it stands. */
export interface StepsBlock {
  readonly text: string;
  /** of the first line inside the fence */
  readonly line: number;
  /** the fence is never closed */
  readonly isOpen: boolean;
}

/** What of a runbook's Markdown matters to the engine; lines count from 1. Pure. */
export interface RunbookParts {
  readonly headings: readonly {
    readonly level: number;
    readonly text: string;
    readonly line: number;
  }[];
  /** line of a heading of level 2 -> whether any words stand below it */
  readonly filled: ReadonlyMap<number, boolean>;
  readonly blocks: readonly StepsBlock[];
}

const fence = /^ {0,3}(`{3,}|~{3,})\s*(.*)$/;
const isOfSteps = (info: string) => /^ya?ml\s+runbook$/.test(info.trim());

interface Reading {
  readonly headings: { level: number; text: string; line: number }[];
  readonly filled: Map<number, boolean>;
  readonly blocks: StepsBlock[];
  /** the fence that is open, with its lines so far */
  open: { mark: string; info: string; line: number; lines: string[] } | undefined;
  section: number | undefined;
}

/** Reads headings and blocks of steps; what stands in other fences is neither. Pure. */
export function partsOf(text: string): RunbookParts {
  const reading: Reading = {
    ...{ headings: [], filled: new Map(), blocks: [] },
    ...{ open: undefined, section: undefined },
  };
  text.split(/\r?\n/).forEach((line, index) => readLine(reading, line, index + 1));
  if (reading.open !== undefined) close(reading, true);
  return reading;
}

function readLine(reading: Reading, line: string, number: number): void {
  const [, mark, info = ''] = fence.exec(line) ?? [];
  if (reading.open !== undefined) {
    if (mark?.startsWith(reading.open.mark) === true && info === '') close(reading, false);
    else reading.open.lines.push(line);
    return;
  }
  if (mark !== undefined) {
    reading.open = { mark, info, line: number + 1, lines: [] };
    return;
  }
  const [, marks, heading] = /^(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line) ?? [];
  if (marks !== undefined && heading !== undefined) {
    reading.headings.push({ level: marks.length, text: heading, line: number });
    if (marks.length > 2) return;
    reading.section = number;
    reading.filled.set(number, false);
  } else if (line.trim() !== '' && reading.section !== undefined)
    reading.filled.set(reading.section, true);
}

function close(reading: Reading, isOpen: boolean): void {
  const { open } = reading;
  if (open !== undefined && isOfSteps(open.info))
    reading.blocks.push({ text: open.lines.join('\n'), line: open.line, isOpen });
  reading.open = undefined;
}
