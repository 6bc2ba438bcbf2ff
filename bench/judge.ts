import type { Aim, Figure, Result, Samples, Spread } from './figure.js';
import { medianOf, spreadOf } from './statistics.js';

/** What the samples of a figure come to, beside its reference and its aims. Pure. */
export function resultOf(bench: string, figure: Figure, samples: Samples): Result {
  const { measured, reference, whole } = samples;
  if (measured.length === 0 || measured.length !== reference.length)
    throw new Error(
      `${figure.name} has ${measured.length} samples and ${reference.length} references`,
    );
  const ratios = measured.map((value, place) => value / (reference[place] ?? Number.NaN));
  const wholeRatio = whole && whole.measured / whole.reference;
  const spreads = {
    measured: spreadOf(measured, whole?.measured),
    reference: spreadOf(reference, whole?.reference),
    ratio: spreadOf(ratios, wholeRatio ?? medianOf(ratios)),
  };
  return {
    bench,
    figure: figure.name,
    title: figure.title,
    unit: figure.unit,
    better: figure.better,
    repetitions: measured.length,
    measured: spreads.measured,
    reference: { words: figure.reference, ...spreads.reference },
    ratio: spreads.ratio,
    aims: figure.aims.map((aim) => judge(aim, figure, spreads)),
  };
}

function judge(
  aim: Aim,
  { unit }: Figure,
  spreads: { measured: Spread; ratio: Spread },
): Result['aims'][number] {
  const { value } = aim.of === 'ratio' ? spreads.ratio : spreads.measured;
  const words = wordsOf(aim, unit);
  if (aim.atLeast === undefined && aim.atMost === undefined) return { words, held: null };
  const held = value >= (aim.atLeast ?? -Infinity) && value <= (aim.atMost ?? Infinity);
  return { words, held };
}

/** An aim as people read it: `>= 0.35 of the reference`, `<= 0.25 s`. */
export function wordsOf({ of, atLeast, atMost, words }: Aim, unit: string): string {
  const after = of === 'ratio' ? 'of the reference' : unit;
  const bounds = [
    ...(atLeast === undefined ? [] : [`>= ${atLeast} ${after}`]),
    ...(atMost === undefined ? [] : [`<= ${atMost} ${after}`]),
  ];
  return bounds.length === 0 ? (words ?? 'none set') : bounds.join(', ');
}
