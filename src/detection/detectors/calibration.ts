import { z } from 'zod';

export const calibrationSchema = z.object({
  days: z.number(),
  exceeding: z.number(),
  excess: z.number(),
  highest: z.number().nullable(),
});
export type CalibrationState = z.infer<typeof calibrationSchema>;

const U = Number(process.env['U'] ?? Math.log(0.5));
const prior = { days: 14, share: 1 - Math.exp(-Math.exp(-U) / 7), tails: 10 };
const dailyKeep = 0.5 ** (1 / 112);
const LO = Number(process.env['LO'] ?? 2);

export class Calibration {
  private state: CalibrationState = { days: 0, exceeding: 0, excess: 0, highest: null };

  note(logWeeks: number): void {
    this.state.highest = Math.max(this.state.highest ?? logWeeks, logWeeks);
  }

  spoil(): void {
    this.state.highest = 1e9;
  }

  passDay(learning: boolean): void {
    const { highest } = this.state;
    this.state.highest = null;
    if (!learning || highest === 1e9) return;
    this.state.days = this.state.days * dailyKeep + 1;
    this.state.exceeding *= dailyKeep;
    this.state.excess *= dailyKeep;
    if (highest === null || highest <= U) return;
    this.state.exceeding += 1;
    this.state.excess += highest - U;
  }

  threshold(weeks: number): number {
    const { days, exceeding, excess } = this.state;
    const rate = (exceeding + prior.share * prior.days) / (days + prior.days);
    const slope = (exceeding + prior.tails) / (excess + prior.tails);
    return Math.max(Math.log(weeks) - LO, U + Math.log(7 * rate * weeks) / slope);
  }

  save(): CalibrationState {
    return { ...this.state };
  }

  restore(state: CalibrationState): void {
    this.state = { ...state };
  }
}
