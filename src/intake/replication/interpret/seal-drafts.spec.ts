import type { ValuesOf } from '../../../journal/personal-data.js';
import type { SealedValue } from '../../../orders/row-change.js';
import { PersonalText } from './draft-image.js';
import { sealDrafts } from './seal-drafts.js';

const sealedAs = (text: string, keyOf: string): SealedValue => ({
  ...{ sealed: `(${text})`, hash: text, keyOf },
});

/** Seals, and remembers what it was asked for. */
function sealing() {
  const asked: ValuesOf[] = [];
  const seal = (given: readonly ValuesOf[]): Promise<SealedValue[][]> => {
    asked.push(...given);
    return Promise.resolve(
      given.map(({ keyOf, values }) => values.map((text) => sealedAs(text, keyOf))),
    );
  };
  return { asked, seal };
}

describe('sealing what transactions hold of persons', () => {
  it('seals a text once under each key, however many values it stands for', async () => {
    const [before, after, other] = ['Ann', 'Ann', 'Ann'].map((text) => new PersonalText(text));
    const known = sealedAs('Ann', 'customer:1');
    const { asked, seal } = sealing();
    const seals = await sealDrafts(
      [
        { value: after!, keyOf: 'customer:1' },
        { value: before!, keyOf: 'customer:1', known },
        { value: other!, keyOf: 'customer:2' },
      ],
      seal,
    );
    expect(asked).toEqual([
      { keyOf: 'customer:1', values: ['Ann'], known: [known] },
      { keyOf: 'customer:2', values: ['Ann'], known: [undefined] },
    ]);
    expect(seals.get(before!)).toBe(seals.get(after!));
    expect(seals.get(other!)).toEqual(sealedAs('Ann', 'customer:2'));
  });

  it('lets the first request for a value decide on its key', async () => {
    const value = new PersonalText('Ann');
    const { asked, seal } = sealing();
    const requests = ['order:1', 'customer:1'].map((keyOf) => ({ value, keyOf }));
    const seals = await sealDrafts(requests, seal);
    expect(asked.map(({ keyOf }) => keyOf)).toEqual(['order:1']);
    expect(seals.get(value)).toEqual(sealedAs('Ann', 'order:1'));
  });
});
