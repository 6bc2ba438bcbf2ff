import { z } from 'zod';

/** More attributes than this are not sliced by: the reserved ones are, and the first others that were seen. */
const attributesMax = 12;
/** Values of one attribute with a count of their own; all others share none and name no slice. */
const valuesMax = 40;
/** Pairs of values with a count of their own. */
const pairsMax = 4_000;
/** Values and pairs seen less than this (decayed) make room when a table is full. */
const worthKeeping = 2;
const dailyKeep = 0.5 ** (1 / 56);
/** Orders that the short memory holds: a new app version is known by its orders within a day. */
const recentOrders = 400;
/** How many cancellations it takes to weigh as much as the share among orders; or as nothing known. */
const weightOf = { orders: 20, nothing: 2 };
const idSpan = 2 ** 20;

const valueState = z.object({
  id: z.number(),
  placed: z.number(),
  recent: z.number(),
  cancelled: z.number(),
});
type ValueState = z.infer<typeof valueState>;

const attributeState = z.object({
  name: z.string(),
  nextId: z.number(),
  placed: z.number(),
  recent: z.number(),
  cancelled: z.number(),
  values: z.array(z.tuple([z.string(), valueState])),
});

export const sharesSchema = z.object({
  attributes: z.array(attributeState),
  /** pair's key, times seen on placed orders, on cancellations */
  pairs: z.array(z.tuple([z.number(), z.number(), z.number()])),
});
export type SharesState = z.infer<typeof sharesSchema>;

interface Attribute {
  name: string;
  nextId: number;
  placed: number;
  recent: number;
  cancelled: number;
  values: Map<string, ValueState>;
  byId: Map<number, { text: string; state: ValueState }>;
}

interface PairState {
  placed: number;
  cancelled: number;
}

/** The values of an event's attributes by number, in the order of attributes; 0 where there is none of its own. */
export type ValueVector = readonly number[];

/** One attribute and the number of its value. */
export interface Part {
  readonly attribute: number;
  readonly value: number;
}

/**
 * Which part of the shop's cancellations a slice is expected to have: learnt from cancellations, drawn
 * towards its share of orders (of all, or of the newest, whichever is more).
 */
export class Shares {
  private attributes: Attribute[] = [];
  private pairs = new Map<number, PairState>();

  /** @param reserved attributes that have their place whenever they come, however many others there are */
  constructor(private readonly reserved: readonly string[]) {}

  /** The event's values by number; new attributes and values are taken in while there is room. */
  vectorOf(event: Readonly<Record<string, string>>): ValueVector {
    for (const name of Object.keys(event)) this.takeAttribute(name);
    return this.attributes.map((attribute) => {
      const text = event[attribute.name];
      return text === undefined ? 0 : takeValue(attribute, text);
    });
  }

  learn(kind: 'placed' | 'cancelled', vector: ValueVector): void {
    this.add(kind, vector, 1);
  }

  /** Corrects the values of a cancellation that was learnt with others. */
  relearn(before: ValueVector, after: ValueVector): void {
    this.add('cancelled', before, -1);
    this.add('cancelled', after, 1);
  }

  /** Expected share of the cancellations, above 0 and at most 1. */
  shareOf(parts: readonly Part[]): number {
    const [first, second] = parts;
    if (first === undefined) return 1;
    if (second === undefined) return this.shareOfValue(first);
    return this.shareOfPair(first, second);
  }

  /** The slice's attribute values in words. */
  name(parts: readonly Part[]): Record<string, string> {
    const slice: Record<string, string> = {};
    for (const { attribute, value } of parts) {
      const found = this.attributes[attribute];
      if (found !== undefined) slice[found.name] = found.byId.get(value)?.text ?? '';
    }
    return slice;
  }

  get attributeCount(): number {
    return this.attributes.length;
  }

  /** To be called once a day: old counts fade, rare values make room. */
  forget(): void {
    for (const attribute of this.attributes) fade(attribute);
    for (const [key, pair] of this.pairs) {
      pair.placed *= dailyKeep;
      pair.cancelled *= dailyKeep;
      const least = this.pairs.size >= pairsMax ? worthKeeping : 0.5;
      if (pair.placed + pair.cancelled < least) this.pairs.delete(key);
    }
  }

  save(): SharesState {
    return {
      attributes: this.attributes.map(({ name, nextId, placed, recent, cancelled, values }) => ({
        name,
        nextId,
        placed,
        recent,
        cancelled,
        values: [...values].map(([text, state]) => [text, { ...state }]),
      })),
      pairs: [...this.pairs].map(([key, { placed, cancelled }]) => [key, placed, cancelled]),
    };
  }

  restore(state: SharesState): void {
    this.attributes = state.attributes.map((attribute) => {
      const values = new Map(attribute.values.map(([text, value]) => [text, { ...value }]));
      const byId = new Map([...values].map(([text, value]) => [value.id, { text, state: value }]));
      return { ...attribute, values, byId };
    });
    this.pairs = new Map(
      state.pairs.map(([key, placed, cancelled]) => [key, { placed, cancelled }]),
    );
  }

  private takeAttribute(name: string): void {
    const known = this.attributes.map((attribute) => attribute.name);
    if (known.includes(name)) return;
    const others = known.filter((other) => !this.reserved.includes(other)).length;
    if (!this.reserved.includes(name) && others >= attributesMax - this.reserved.length) return;
    this.attributes.push({
      name,
      nextId: 1,
      placed: 0,
      recent: 0,
      cancelled: 0,
      values: new Map(),
      byId: new Map(),
    });
  }

  private add(kind: 'placed' | 'cancelled', vector: ValueVector, times: 1 | -1): void {
    vector.forEach((value, index) => {
      const attribute = this.attributes[index];
      if (attribute !== undefined && value !== 0) count(attribute, value, { kind, times });
    });
    this.addPairs(kind, vector, times);
  }

  private addPairs(kind: 'placed' | 'cancelled', vector: ValueVector, times: 1 | -1): void {
    for (let left = 0; left < vector.length; left += 1) {
      const leftValue = vector[left] ?? 0;
      if (leftValue === 0) continue;
      for (let right = left + 1; right < vector.length; right += 1) {
        const rightValue = vector[right] ?? 0;
        if (rightValue === 0) continue;
        const key = pairKey(
          { attribute: left, value: leftValue },
          { attribute: right, value: rightValue },
        );
        const pair = this.pairs.get(key);
        if (pair !== undefined) pair[kind] = Math.max(0, pair[kind] + times);
        else if (times > 0 && this.pairs.size < pairsMax)
          this.pairs.set(key, { placed: 0, cancelled: 0, [kind]: 1 });
      }
    }
  }

  private shareOfValue({ attribute, value }: Part): number {
    const of = this.attributes[attribute];
    const state = of?.byId.get(value)?.state;
    if (of === undefined || state === undefined) return 1;
    const isOfOrders = of.placed > 0;
    const base = isOfOrders ? shareAmongOrders(of, state) : 1 / (of.values.size + 1);
    const weight = isOfOrders ? weightOf.orders : weightOf.nothing;
    return (state.cancelled + weight * base) / (of.cancelled + weight);
  }

  /** As if the two were independent, corrected by how often they were seen together. */
  private shareOfPair(left: Part, right: Part): number {
    const shares = { left: this.shareOfValue(left), right: this.shareOfValue(right) };
    const most = Math.min(shares.left, shares.right);
    const pair = this.pairs.get(pairKey(left, right));
    if (pair === undefined && this.pairs.size >= pairsMax) return most;
    const lift = this.liftOf(left, right, pair);
    const base = Math.min(most, shares.left * shares.right * lift);
    const cancelled = Math.min(
      this.attributes[left.attribute]?.cancelled ?? 0,
      this.attributes[right.attribute]?.cancelled ?? 0,
    );
    const share = ((pair?.cancelled ?? 0) + weightOf.orders * base) / (cancelled + weightOf.orders);
    return Math.min(most, share);
  }

  /** How much more often two values stand on one order than if they were independent. */
  private liftOf(left: Part, right: Part, pair: PairState | undefined): number {
    const [one, other] = [this.attributes[left.attribute], this.attributes[right.attribute]];
    const [oneValue, otherValue] = [one?.byId.get(left.value), other?.byId.get(right.value)];
    if (one === undefined || other === undefined) return 1;
    if (oneValue === undefined || otherValue === undefined) return 1;
    const orders = Math.min(one.placed, other.placed);
    if (orders === 0) return 1;
    const independent = (oneValue.state.placed * otherValue.state.placed) / orders;
    return ((pair?.placed ?? 0) + 1) / (independent + 1);
  }
}

function takeValue(attribute: Attribute, text: string): number {
  const known = attribute.values.get(text);
  if (known !== undefined) return known.id;
  if (attribute.values.size >= valuesMax) return 0;
  const state = { id: attribute.nextId, placed: 0, recent: 0, cancelled: 0 };
  attribute.nextId += 1;
  attribute.values.set(text, state);
  attribute.byId.set(state.id, { text, state });
  return state.id;
}

function count(
  attribute: Attribute,
  value: number,
  { kind, times }: { kind: 'placed' | 'cancelled'; times: 1 | -1 },
): void {
  const state = attribute.byId.get(value)?.state;
  if (state === undefined) return;
  attribute[kind] = Math.max(0, attribute[kind] + times);
  state[kind] = Math.max(0, state[kind] + times);
  if (kind === 'cancelled') return;
  const keep = 1 - 1 / recentOrders;
  attribute.recent = attribute.recent * keep + 1;
  for (const other of attribute.values.values()) other.recent *= keep;
  state.recent += 1;
}

function shareAmongOrders(attribute: Attribute, state: ValueState): number {
  const always = (state.placed + 0.5) / (attribute.placed + 1);
  const lately = (state.recent + 0.5) / (attribute.recent + 1);
  return Math.max(always, lately);
}

function fade(attribute: Attribute): void {
  attribute.placed *= dailyKeep;
  attribute.cancelled *= dailyKeep;
  const isFull = attribute.values.size >= valuesMax;
  for (const [text, state] of attribute.values) {
    state.placed *= dailyKeep;
    state.cancelled *= dailyKeep;
    if (isFull && state.placed + state.cancelled < worthKeeping) {
      attribute.values.delete(text);
      attribute.byId.delete(state.id);
    }
  }
}

function pairKey(left: Part, right: Part): number {
  const place = left.attribute * attributesMax + right.attribute;
  return (place * idSpan + (left.value % idSpan)) * idSpan + (right.value % idSpan);
}
