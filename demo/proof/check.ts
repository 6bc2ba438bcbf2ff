import type { CheckResult } from './proof-input.js';

const VIOLATIONS_SHOWN = 10;

/** Collects what one check looked at and what it found wrong. */
export class Check {
  #examined = 0;
  readonly #violations: string[] = [];

  constructor(private readonly name: string) {}

  /** Notes one thing looked at, and what is wrong with it if `holds` is false. */
  expect(holds: boolean, violation: () => string): void {
    this.#examined += 1;
    if (!holds) this.#violations.push(violation());
  }

  result(): CheckResult {
    return {
      name: this.name,
      holds: this.#violations.length === 0,
      examined: this.#examined,
      violationCount: this.#violations.length,
      violations: this.#violations.slice(0, VIOLATIONS_SHOWN),
    };
  }
}
