import type { FieldFault } from '../../platform/errors.js';
import type { Step } from '../definition.js';

/** What is wrong with what a dry run is to take for the answers: each question needs one. Pure. */
export function assumptionFaults(
  steps: readonly Step[],
  { dryRun, assumptions }: { dryRun: boolean; assumptions: Readonly<Record<string, string>> },
): FieldFault[] {
  const named = Object.entries(assumptions);
  if (!dryRun)
    return named.map(([name]) => ({
      field: `assumptions.${name}`,
      message: 'only a dry run assumes answers',
    }));
  const questions = steps.filter((step) => step.kind === 'question');
  const unknown = named
    .filter(([name]) => !questions.some((question) => question.name === name))
    .map(([name]) => ({ field: `assumptions.${name}`, message: 'there is no such question' }));
  const faults = questions.flatMap(({ name, options, assume, ask }) => {
    const field = `assumptions.${name}`;
    const answer = assumptions[name] ?? assume;
    if (answer === undefined) return [{ field, message: `assume an answer to "${ask}"` }];
    if (options === undefined || options.includes(answer)) return [];
    return [{ field, message: `"${answer}" is none of ${options.join(', ')}` }];
  });
  return [...unknown, ...faults];
}
