import { InvalidArgumentError, Option } from 'commander';
import { SystemClock } from '../platform/clock.js';

const clock = new SystemClock();

const unitsMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** What may be written for a moment, for help texts. */
export const momentWords = 'a time such as 2026-11-22T03:00:00Z, "now", 2h (ago) or +2h (from now)';

/** A moment as people write one, as ISO 8601; undefined where it is none. */
export function momentOf(written: string, now: Date): string | undefined {
  if (written === 'now') return now.toISOString();
  const relative = /^(\+?)(\d{1,6})([smhd])$/.exec(written);
  if (relative !== null) {
    const milliseconds = Number(relative[2]) * (unitsMs[relative[3] ?? ''] ?? 0);
    const sign = relative[1] === '+' ? 1 : -1;
    return new Date(now.getTime() + sign * milliseconds).toISOString();
  }
  const absolute = /^\d{4}-\d{2}-\d{2}(T|$)/.test(written) ? new Date(written) : undefined;
  return absolute === undefined || Number.isNaN(absolute.getTime())
    ? undefined
    : absolute.toISOString();
}

/** An option with a moment. */
export function momentOption(flags: string, words: string): Option {
  return new Option(flags, `${words}: ${momentWords}`).argParser((written: string) => {
    const moment = momentOf(written, clock.now());
    if (moment === undefined) throw new InvalidArgumentError(`It is ${momentWords}.`);
    return moment;
  });
}

/** An option with a whole number. */
export function numberOption(flags: string, words: string): Option {
  return new Option(flags, words).argParser((written: string) => {
    if (!/^\d{1,9}$/.test(written)) throw new InvalidArgumentError('It is a whole number.');
    return Number(written);
  });
}

/** An option that has to be given. */
export function required(option: Option): Option {
  return option.makeOptionMandatory();
}

/** An option that may be given several times, each as name=value. */
export function pairsOption(flags: string, words: string): Option {
  return new Option(flags, words).argParser(
    (written: string, before: Readonly<Record<string, string>> | undefined) => {
      const at = written.indexOf('=');
      if (at < 1) throw new InvalidArgumentError('It is name=value.');
      return { ...before, [written.slice(0, at)]: written.slice(at + 1) };
    },
  );
}

/** What an option that takes text was given. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
