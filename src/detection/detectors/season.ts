import { z } from 'zod';

const hoursPerWeek = 168;
const hourMs = 3_600_000;
/** 1 January 1970 was a Thursday; weeks here start on a Monday. */
const mondayOffsetHours = 72;

/** What was seen in one kind of hour; decays, so that the newest months count most. */
const hourBin = z.object({ hours: z.number(), cancelled: z.number(), placed: z.number() });
type HourBin = z.infer<typeof hourBin>;

export const seasonSchema = z.array(hourBin).length(hoursPerWeek);
export type SeasonState = z.infer<typeof seasonSchema>;

/** What is believed of a shop of which nothing is known: not rare, so that nothing is raised too easily. */
const prior = { cancelledPerHour: 2, hours: 6, cancelledPerPlaced: 0.08, placed: 40 };
/** So many cancellations, or so many orders, show a shop's share of cancelled orders well enough. */
const experienced = { cancelled: 8, placed: 300 };
/** How many hours of its own a kind of hour needs until it counts as much as what it is drawn to. */
const pull = { toShop: 4, toDayKind: 4 };
/** Half of what was learnt is forgotten in about eight weeks. */
const dailyKeep = 0.5 ** (1 / 56);
/** Neighbouring hours lend their counts: people's habits do not jump at the full hour. */
const neighbourWeight = 0.5;

/** Which of the week's 168 hours (UTC) a moment falls in, Monday 00-01 being 0. */
export function hourOfWeek(at: number): number {
  return (Math.floor(at / hourMs) + mondayOffsetHours) % hoursPerWeek;
}

/** Cancelling accounts and placed orders per hour of the week, learnt from the past. */
export class Season {
  private bins: SeasonState = Array.from({ length: hoursPerWeek }, emptyBin);
  private total: HourBin = emptyBin();

  learn(hour: number, seen: Partial<HourBin>): void {
    const bin = this.binOf(hour);
    for (const one of [bin, this.total]) {
      one.hours += seen.hours ?? 0;
      one.cancelled += seen.cancelled ?? 0;
      one.placed += seen.placed ?? 0;
    }
  }

  /** To be called once a day. */
  forget(): void {
    for (const bin of this.bins) {
      bin.hours *= dailyKeep;
      bin.cancelled *= dailyKeep;
      bin.placed *= dailyKeep;
    }
    this.total = sumOf(this.bins.map((bin) => ({ bin, weight: 1 })));
  }

  /** Accounts that cancel in such an hour, drawn towards like hours of like days, and those to the shop's mean. */
  cancelledPerHour(hour: number): number {
    const { cancelled, hours } = this.total;
    const shop = (cancelled + prior.cancelledPerHour * prior.hours) / (hours + prior.hours);
    const alike = this.likeHours(hour);
    const dayKind = (alike.cancelled + pull.toShop * shop) / (alike.hours + pull.toShop);
    const own = this.around(hour);
    return (own.cancelled + pull.toDayKind * dayKind) / (own.hours + pull.toDayKind);
  }

  /** Accounts that cancel for each order placed, over everything learnt. */
  cancelledPerPlaced(): number {
    const { cancelled, placed } = this.total;
    return (cancelled + prior.cancelledPerPlaced * prior.placed) / (placed + prior.placed);
  }

  /**
   * From 0 to 1: how far the share of orders that are cancelled is known of this shop, and not only
   * assumed. A rush of some orders shows little, a few cancellations or many orders do.
   */
  experience(): number {
    const { cancelled, placed } = this.total;
    return Math.min(1, cancelled / experienced.cancelled + placed / experienced.placed);
  }

  save(): SeasonState {
    return structuredClone(this.bins);
  }

  restore(state: SeasonState): void {
    this.bins = structuredClone(state);
    this.total = sumOf(this.bins.map((bin) => ({ bin, weight: 1 })));
  }

  private binOf(hour: number): HourBin {
    return this.bins[hour] ?? emptyBin();
  }

  private around(hour: number): HourBin {
    const before = this.binOf((hour + hoursPerWeek - 1) % hoursPerWeek);
    const after = this.binOf((hour + 1) % hoursPerWeek);
    return sumOf([
      { bin: this.binOf(hour), weight: 1 },
      { bin: before, weight: neighbourWeight },
      { bin: after, weight: neighbourWeight },
    ]);
  }

  /** The same hour of all working days, or of both days of the weekend. */
  private likeHours(hour: number): HourBin {
    const isWeekend = hour >= 120;
    const hourOfDay = hour % 24;
    const days = isWeekend ? [5, 6] : [0, 1, 2, 3, 4];
    return sumOf(days.map((day) => ({ bin: this.around(day * 24 + hourOfDay), weight: 1 })));
  }
}

function emptyBin(): HourBin {
  return { hours: 0, cancelled: 0, placed: 0 };
}

function sumOf(parts: readonly { bin: HourBin; weight: number }[]): HourBin {
  const sum = emptyBin();
  for (const { bin, weight } of parts) {
    sum.hours += weight * bin.hours;
    sum.cancelled += weight * bin.cancelled;
    sum.placed += weight * bin.placed;
  }
  return sum;
}
