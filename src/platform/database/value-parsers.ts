import pg from 'pg';

const bigint = 20;
const bigintArray = 1016;

type Parser = (text: string) => unknown;
type Format = 'text' | 'binary';

/** The driver's own parsers; its types name only some of the ids that it takes. */
const usual = (oid: number, format: Format): Parser => {
  const { getTypeParser } = pg.types as { getTypeParser: (oid: number, format: Format) => Parser };
  return getTypeParser(oid, format);
};

/**
 * How values of our own database are read: a bigint (a position, a count, an amount in minor units) is a
 * number, and one that no number can hold exactly is refused. It holds for our pool alone: whatever else
 * in this process talks to PostgreSQL, a shop above all, gets the text of a bigint.
 */
export const ownValues: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format: Format = 'text'): Parser => {
    if (format === 'text' && oid === bigint) return exactNumber;
    if (format === 'text' && oid === bigintArray) return exactNumbers;
    return usual(oid, format);
  },
};

function exactNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError('a bigint of our own database is too big to be counted exactly');
}

function exactNumbers(text: string): (number | null)[] {
  const texts = usual(bigintArray, 'text')(text) as (string | null)[];
  return texts.map((one) => (one === null ? null : exactNumber(one)));
}
