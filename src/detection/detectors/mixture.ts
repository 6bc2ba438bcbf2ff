import { z } from 'zod';

const partState = z.object({ explained: z.number(), offered: z.number() });
export const mixtureSchema = z.array(partState);
export type MixtureState = z.infer<typeof mixtureSchema>;

/** How many expected accounts the first guess of a weight is worth. */
const trustInGuess = 10;
const dailyKeep = 0.5 ** (1 / 56);

/**
 * A rate as a weighted sum of several explanations, each in accounts per cell. The weights are learnt
 * as in expectation maximisation: an account that cancels is shared out among the explanations by what
 * each had expected; an explanation's weight is what it explained over what it offered.
 */
export class Mixture {
  private parts: MixtureState;

  constructor(guesses: readonly number[]) {
    this.parts = guesses.map((guess) => ({
      explained: guess * trustInGuess,
      offered: trustInGuess,
    }));
  }

  rate(offers: readonly number[]): number {
    return this.parts.reduce(
      (sum, part, index) => sum + (part.explained / part.offered) * (offers[index] ?? 0),
      0,
    );
  }

  /** A cell has passed in which the explanations offered this much. */
  pass(offers: readonly number[]): void {
    for (let index = 0; index < this.parts.length; index += 1) {
      const part = this.parts[index];
      if (part !== undefined) part.offered += offers[index] ?? 0;
    }
  }

  /** An account cancelled in a cell for which the explanations offered this much. */
  seen(offers: readonly number[]): void {
    const rate = this.rate(offers);
    if (rate <= 0) return;
    const shares = this.parts.map(
      (part, index) => ((part.explained / part.offered) * (offers[index] ?? 0)) / rate,
    );
    this.parts.forEach((part, index) => (part.explained += shares[index] ?? 0));
  }

  /** To be called once a day; the first guess fades with the rest. */
  forget(): void {
    for (const part of this.parts) {
      part.explained *= dailyKeep;
      part.offered *= dailyKeep;
    }
  }

  save(): MixtureState {
    return structuredClone(this.parts);
  }

  restore(state: MixtureState): void {
    this.parts = structuredClone(state);
  }
}
