import type { IntakeAnswer, Rejection } from './order-event.schema.js';
import type { Written } from './order-event-writer.js';

/** As much as anybody looks through; a stream of a million wrong lines is not answered with as many. */
const listedMax = 1_000;

/** Adds up what became of the events of one request. */
export class IntakeTally {
  private kept = 0;
  private repeated = 0;
  private rejected = 0;
  private late = 0;
  private readonly outOfOrder: number[] = [];
  private readonly rejections: Rejection[] = [];

  reject(rejection: Rejection): void {
    this.rejected += 1;
    if (this.rejections.length < listedMax) this.rejections.push(rejection);
  }

  add({ kept, repeated, outOfOrder, rejections }: Written): void {
    this.kept += kept;
    this.repeated += repeated;
    this.late += outOfOrder.length;
    this.outOfOrder.push(...outOfOrder.slice(0, listedMax - this.outOfOrder.length));
    for (const rejection of rejections) this.reject(rejection);
  }

  answer(): IntakeAnswer {
    return {
      kept: this.kept,
      repeated: this.repeated,
      rejected: this.rejected,
      outOfOrder: this.outOfOrder.toSorted((left, right) => left - right),
      rejections: this.rejections.toSorted((left, right) => left.index - right.index),
      leftOut: this.rejected - this.rejections.length + this.late - this.outOfOrder.length,
    };
  }
}

/** 200: all were taken. 207: some were. 422: none was. */
export function statusOf({ kept, repeated, rejected }: IntakeAnswer): 200 | 207 | 422 {
  if (rejected === 0) return 200;
  return kept + repeated === 0 ? 422 : 207;
}
