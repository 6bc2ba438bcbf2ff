import { resolveTemplate, type TemplateContext } from './template.js';

const context: TemplateContext = {
  orderId: '7',
  itemId: 'item',
  row: { quantity: '3', name: { sealed: 's', hash: 'h', keyOf: 'k' } },
  before: { status: 'paid' },
  after: { status: 'cancelled' },
};

describe('a row template', () => {
  it('takes constants, columns, ids, the moment and JSON of these', () => {
    expect(
      resolveTemplate(
        {
          amount: { value: 5 },
          flag: { value: true },
          nothing: { value: null },
          quantity: { row: 'quantity' },
          name: { row: 'name' },
          from: { after: 'status' },
          order: { order: true },
          at: { now: true },
          data: {
            json: {
              to: { before: 'status' },
              by: { item: true },
              deep: { json: { n: { value: 1 } } },
            },
          },
        },
        context,
      ),
    ).toEqual({
      ok: true,
      value: {
        amount: '5',
        flag: 'true',
        nothing: null,
        quantity: '3',
        name: context.row?.['name'],
        from: 'cancelled',
        order: '7',
        at: { at: 'restore' },
        data: '{"to":"paid","by":"item","deep":{"n":1}}',
      },
    });
  });

  it.each([
    ['a column that the journal lacks', { a: { row: 'gone' } }],
    ['the moment of the restore inside JSON', { a: { json: { at: { now: true } } } }],
    ['a personal value inside JSON', { a: { json: { name: { row: 'name' } } } }],
  ] as const)('refuses %s', (_name, template) => {
    expect(resolveTemplate(template, context)).toMatchObject({
      ok: false,
      refusal: { reason: 'evidence-missing' },
    });
  });
});
