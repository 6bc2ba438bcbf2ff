const startedAt = performance.now();

/** Seconds since the demo began, for the left margin. */
function elapsed(): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)}s`;
}

/** Tells the story on the terminal: plain words, one thing a line, the time at the left. */
export const teller = {
  /** A new part of the story. */
  chapter(title: string): void {
    console.log(`\n${bold(title)}`);
  },
  /** Something happened. */
  say(line: string): void {
    console.log(`${dim(elapsed())}  ${line}`);
  },
  /** Details below what was said. */
  list(lines: readonly string[]): void {
    for (const line of lines) console.log(`         ${line}`);
  },
  good(line: string): void {
    console.log(`${dim(elapsed())}  ${coloured(32, '✓')} ${line}`);
  },
  bad(line: string): void {
    console.log(`${dim(elapsed())}  ${coloured(31, '✗')} ${line}`);
  },
};

function coloured(code: number, text: string): string {
  return process.stdout.isTTY && process.env['NO_COLOR'] === undefined
    ? `\u001b[${code}m${text}\u001b[0m`
    : text;
}

function bold(text: string): string {
  return coloured(1, text);
}

function dim(text: string): string {
  return coloured(2, text);
}

/** `3 orders`, `1 order`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}
