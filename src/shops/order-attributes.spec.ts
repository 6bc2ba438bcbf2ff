import type { RowImage } from '../orders/row-change.js';
import { attributeColumns, attributeTables, orderAttributes } from './order-attributes.js';
import { loadProfile } from './profile-file.js';
import type { Profile } from './profile.js';

let sample: Profile;
let vendure: Profile;
beforeAll(async () => {
  ({ profile: sample } = await loadProfile('sample-shop', { directory: '.' }));
  ({ profile: vendure } = await loadProfile('vendure', { directory: '.' }));
});

const channels = (...ids: string[]): RowImage[] =>
  ids.map((channelId) => ({ orderId: '7', channelId }));

function attributesOf(tables: Record<string, RowImage[]>, profile = vendure) {
  return orderAttributes(profile, new Map(Object.entries(tables)));
}

describe('what an order has in common with others', () => {
  test('is read from its own row, and from its rows of other tables', () => {
    const attributes = attributesOf({
      'public.order': [{ id: '7', type: 'Regular', currencyCode: 'EUR' }],
      'public.order_channels_channel': channels('1'),
      'public.shipping_line': [{ id: '3', orderId: '7', shippingMethodId: '2' }],
      'public.payment': [
        { id: '10', orderId: '7', method: 'card' },
        { id: '9', orderId: '7', method: 'voucher' },
      ],
    });
    expect(attributes).toEqual({
      order_type: 'Regular',
      currency: 'EUR',
      channel: '1',
      shipping_method: '2',
      payment_method: 'card',
    });
  });

  test('several rows tell each value once, whatever their order', () => {
    const told = (...ids: string[]) =>
      attributesOf({ 'public.order_channels_channel': channels(...ids) })['channel'];
    expect(told('10', '9', '10')).toBe('9, 10');
    expect(told('9', '10')).toBe(told('10', '9'));
    expect(told('1', '2', '3', '4', '5')).toBe('1, 2, 3, 4, 5');
    expect(told('1', '2', '3', '4', '5', '6')).toBe('many');
    expect(told()).toBeUndefined();
  });

  test('only rows that fit count, and values that are there', () => {
    const movement = (type: string, stockLocationId: string | null) => ({
      ...{ id: '1', orderLineId: '5', type },
      stockLocationId,
    });
    const attributes = attributesOf({
      'public.stock_movement': [
        movement('RELEASE', '8'),
        movement('ALLOCATION', '2'),
        movement('ALLOCATION', null),
      ],
    });
    expect(attributes).toEqual({ stock_location: '2' });
  });

  test('nothing personal gets into it', () => {
    const profile = structuredClone(sample);
    profile.order.attributes = {
      city: 'ship_city',
      note: { table: 'shop.payment', column: 'note' },
      channel: { table: 'shop.orders', column: 'channel' },
    };
    profile.tables['shop.payment']!.columns['note'] = { value: 'personal' };
    const tables = {
      'shop.orders': [{ id: '7', ship_city: 'Berlin', channel: 'web' }],
      'shop.payment': [{ id: '1', note: 'call Ann' }],
    };
    expect(attributesOf(tables, profile)).toEqual({ channel: 'web' });
  });

  test('names the tables and columns that are needed for it', () => {
    expect(attributeTables(sample)).toEqual(new Map());
    expect(attributeColumns(vendure)).toEqual(['type', 'currencyCode']);
    expect(attributeTables(vendure)).toEqual(
      new Map([
        ['public.order_channels_channel', ['orderId', 'channelId']],
        ['public.shipping_line', ['id', 'shippingMethodId']],
        ['public.stock_movement', ['id', 'stockLocationId', 'type']],
        ['public.payment', ['id', 'method']],
      ]),
    );
    const own = structuredClone(sample);
    own.order.attributes = {
      paid_from: { table: 'shop.orders', column: 'channel', where: { status: ['paid'] } },
    };
    expect(attributeColumns(own)).toEqual(['channel', 'status']);
  });
});
