import { z } from 'zod';
import { Dispersion, dispersionSchema } from './dispersion.js';
import { Load, loadSchema } from './load.js';
import { hourOfWeek, Season, seasonSchema } from './season.js';
import { cellMs, WindowStarts, windowStartsSchema, type WindowStart } from './window-starts.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const cellsPerHour = hourMs / cellMs;

/** A silence longer than this is a hole in what is known, not a quiet shop. */
const longestSilenceMs = 14 * dayMs;

/**
 * How much the shop has shown of what a rush of orders explains is taken as of this many cells (ten
 * minutes) ago, or more: neither the rush itself nor a failure right after it counts as experience.
 */
const experienceCells = 120;

export const backgroundSchema = z.object({
  cell: z.number().nullable(),
  cumulative: z.number(),
  perCell: z.number(),
  seasonal: z.number(),
  placedInCell: z.number(),
  learntCells: z.number(),
  cellsOfHour: z.number(),
  experience: z.object({ trusted: z.number(), next: z.number() }),
  season: seasonSchema,
  load: loadSchema,
  dispersion: dispersionSchema,
  starts: windowStartsSchema,
});
export type BackgroundState = z.infer<typeof backgroundSchema>;

/**
 * How many accounts are expected to cancel by themselves: the season's rate, or what the present load
 * of orders explains, whichever is more; of a shop of which little is known the load explains little. Time passes in cells of five seconds; a cell's rate is fixed
 * when it begins, so that no event is judged by a rate that it has itself raised.
 */
export class Background {
  /** false while a failure lives: what happens then is not what the shop is like */
  learning = true;

  private cell: number | null = null;
  private cumulative = 0;
  private perCell = 0;
  private seasonal = 0;
  private placedInCell = 0;
  private learntCells = 0;
  private cellsOfHour = 0;
  private experience = { trusted: 0, next: 0 };
  private readonly season = new Season();
  private readonly load = new Load();
  private readonly dispersion = new Dispersion();
  private readonly starts = new WindowStarts();

  /** Lets time pass up to `at`; a moment that has passed already changes nothing. */
  advance(at: number): void {
    const target = Math.floor(at / cellMs);
    if (this.cell === null || target - this.cell > longestSilenceMs / cellMs) this.begin(target);
    while (this.cell !== null && this.cell < target) this.pass(this.cell + 1);
  }

  /** As advance, over a time of which changes were lost: nothing is learnt from it. */
  skipTo(at: number): void {
    const { learning } = this;
    this.learning = false;
    this.advance(at);
    this.dispersion.skip(this.cumulative);
    this.learning = learning;
  }

  /** An order was placed in the present cell. */
  placed(): void {
    this.placedInCell += 1;
    if (this.learning) this.season.learn(this.hour(), { placed: 1 });
  }

  /** An account that had not cancelled for a day did so in the present cell. */
  cancelled(): void {
    if (!this.learning) return;
    this.season.learn(this.hour(), { cancelled: 1 });
    this.dispersion.seen();
  }

  /** Accounts expected from the beginning of what is known up to `at`; differences of it are what counts. */
  cumulativeAt(at: number): number {
    if (this.cell === null) return 0;
    return this.cumulative + this.perCell * Math.max(0, at / cellMs - this.cell);
  }

  /** Accounts expected in so many milliseconds at the present rate. */
  expectedWithin(milliseconds: number): number {
    return (this.perCell * milliseconds) / cellMs;
  }

  windowsEndingAt(at: number): WindowStart[] {
    return this.starts.endingAt(at);
  }

  /** How much the shop's rate varies by itself over windows of this level. */
  dispersionOf(level: number): number {
    return this.dispersion.of(level);
  }

  /** How many days were learnt from. */
  learntDays(): number {
    return (this.learntCells * cellMs) / dayMs;
  }

  save(): BackgroundState {
    return {
      cell: this.cell,
      cumulative: this.cumulative,
      perCell: this.perCell,
      seasonal: this.seasonal,
      placedInCell: this.placedInCell,
      learntCells: this.learntCells,
      cellsOfHour: this.cellsOfHour,
      experience: { ...this.experience },
      season: this.season.save(),
      load: this.load.save(),
      dispersion: this.dispersion.save(),
      starts: this.starts.save(),
    };
  }

  restore(state: BackgroundState): void {
    this.cell = state.cell;
    this.cumulative = state.cumulative;
    this.perCell = state.perCell;
    this.seasonal = state.seasonal;
    this.placedInCell = state.placedInCell;
    this.learntCells = state.learntCells;
    this.cellsOfHour = state.cellsOfHour;
    this.experience = { ...state.experience };
    this.season.restore(state.season);
    this.load.restore(state.load);
    this.dispersion.restore(state.dispersion);
    this.starts.restore(state.starts);
  }

  private begin(cell: number): void {
    this.starts.clear();
    this.load.clear();
    this.dispersion.skip(this.cumulative);
    this.cell = cell;
    this.cellsOfHour = 0;
    this.placedInCell = 0;
    this.seasonal = this.season.cancelledPerHour(this.hour()) / cellsPerHour;
    this.enter(cell);
  }

  private pass(next: number): void {
    this.load.pass(this.placedInCell);
    this.placedInCell = 0;
    this.cumulative += this.perCell;
    if (this.learning) {
      this.learntCells += 1;
      this.cellsOfHour += 1;
    }
    if (next % experienceCells === 0) {
      this.experience = { trusted: this.experience.next, next: this.season.experience() };
    }
    if (next % cellsPerHour === 0) this.turnHour(next);
    this.cell = next;
    this.enter(next);
  }

  private turnHour(next: number): void {
    this.season.learn(this.hour(), { hours: this.cellsOfHour / cellsPerHour });
    this.cellsOfHour = 0;
    if (next % (24 * cellsPerHour) === 0) {
      this.season.forget();
      this.dispersion.forget();
    }
    this.seasonal = this.season.cancelledPerHour(hourOfWeek(next * cellMs)) / cellsPerHour;
  }

  private enter(cell: number): void {
    const { cumulative, learning } = this;
    this.starts.note(cell, cumulative);
    this.dispersion.note(cell, { cumulative, learning });
    const byLoad = (this.load.placedPerHour() * this.season.cancelledPerPlaced()) / cellsPerHour;
    this.perCell = Math.max(this.seasonal, byLoad * this.experience.trusted);
  }

  private hour(): number {
    return hourOfWeek((this.cell ?? 0) * cellMs);
  }
}
