import { Injectable } from '@nestjs/common';
import { present } from '../../platform/assert.js';
import type { Transaction } from '../../platform/database/database.js';
import { PersonalText, type DraftImage, type DraftValue } from './interpret/draft-image.js';
import type { TouchedRow } from './interpret/draft-transaction.js';
import type { RowRef } from './interpret/known-rows.js';
import { Spool } from './spool.js';
import { TouchedRowStore, type KeptRow, type StoredImages } from './touched-row.store.js';

/** A row that a big transaction has touched, with what is known of its order. */
export interface Touched
  extends TouchedRow, Pick<KeptRow, 'orderBefore' | 'orderAfter' | 'shared' | 'isChild'> {}

/**
 * The rows of a big transaction, as the shop told them. Those that hold anything personal in the clear are kept sealed
 * whole, since whose they are is not known yet.
 */
@Injectable()
export class TouchedRows {
  constructor(
    readonly store: TouchedRowStore,
    private readonly spool: Spool,
  ) {}

  async write(transaction: Transaction, shopId: string, rows: readonly Touched[]): Promise<void> {
    if (rows.length === 0) return;
    const personal = rows.filter(isPersonal);
    const sealed = await this.spool.seal(transaction, shopId, personal.map(encodeImages));
    const seals = new Map(
      personal.map((row, index) => [row, present(sealed[index], 'every such row was sealed')]),
    );
    const kept = rows.map((row) => ({
      ...row,
      images: seals.get(row) ?? plainImages(row),
      emptied: false,
    }));
    await this.store.write(transaction, kept);
  }

  /** Of the given rows, those that were touched so far. */
  async read(
    transaction: Transaction,
    shopId: string,
    refs: readonly RowRef[],
  ): Promise<Touched[]> {
    return this.open(transaction, shopId, await this.store.read(transaction, refs));
  }

  async open(
    transaction: Transaction,
    shopId: string,
    kept: readonly KeptRow[],
  ): Promise<Touched[]> {
    if (kept.length === 0) return [];
    const sealed = kept.map(({ images }) => images).filter((images) => 'sealed' in images);
    const texts = await this.spool.open(transaction, shopId, sealed);
    const opened = new Map(sealed.map((images, index) => [images, texts[index] ?? '']));
    return kept.map((row) => {
      const { table, key, inserted, orderBefore, orderAfter, shared, isChild, emptied } = row;
      const { before, after } =
        'sealed' in row.images
          ? decodeImages(present(opened.get(row.images), 'every row was opened'))
          : row.images;
      const told = { inserted, before, after: emptied ? null : after };
      return { table, key, ...told, orderBefore, orderAfter, shared, isChild };
    });
  }
}

/** The images of a row that is not personal. */
function plainImages({ before, after }: TouchedRow): StoredImages {
  return { before, after } as StoredImages;
}

function isPersonal({ before, after }: TouchedRow): boolean {
  return [before, after].some((image) =>
    Object.values(image ?? {}).some((value) => value instanceof PersonalText),
  );
}

/** In place of a personal value in the clear, which no stored value looks like. */
interface Clear {
  readonly clear: string;
}

function encodeImages({ before, after }: TouchedRow): string {
  return JSON.stringify({ before: encodeImage(before), after: encodeImage(after) });
}

function encodeImage(image: DraftImage | null): StoredImage | null {
  if (image === null) return null;
  const stored: Record<string, StoredValue> = {};
  for (const [column, value] of Object.entries(image))
    stored[column] = value instanceof PersonalText ? { clear: value.text } : value;
  return stored;
}

function decodeImages(text: string): { before: DraftImage | null; after: DraftImage | null } {
  const { before, after } = JSON.parse(text) as Record<string, StoredImage | null>;
  return { before: decodeImage(before), after: decodeImage(after) };
}

type StoredValue = Exclude<DraftValue, PersonalText> | Clear;
type StoredImage = Readonly<Record<string, StoredValue>>;

function decodeImage(image: StoredImage | null | undefined): DraftImage | null {
  if (image === null || image === undefined) return null;
  const draft: Record<string, DraftValue> = {};
  for (const [column, value] of Object.entries(image)) {
    const isClear = typeof value === 'object' && value !== null && 'clear' in value;
    draft[column] = isClear ? new PersonalText(value.clear) : value;
  }
  return draft;
}
