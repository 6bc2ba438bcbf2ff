import { PRODUCTS } from './catalogue.js';
import { includedTax, priceOrder } from './pricing.js';

const PAN = 1; // 54.90
const JAR = PRODUCTS.findIndex((product) => product.sku === 'KT-1011') + 1; // 3.99

describe('priceOrder', () => {
  it('adds lines, shipping and discount up to the total', () => {
    const priced = priceOrder({
      lines: [
        { productId: PAN, quantity: 1 },
        { productId: JAR, quantity: 3 },
      ],
      deliveryMethod: 'standard',
      couponCode: 'WELCOME10',
    });
    expect(priced).toMatchObject({
      subtotalMinor: 6687,
      shippingMinor: 490,
      discountMinor: 669,
      totalMinor: 6508,
    });
    expect(priced.taxMinor).toBe(877 + 191 + 78);
  });

  it('ships for nothing from 75 on, but not by express', () => {
    const lines = [{ productId: PAN, quantity: 2 }];
    const request = { lines, couponCode: null };
    expect(priceOrder({ ...request, deliveryMethod: 'standard' }).shippingMinor).toBe(0);
    expect(priceOrder({ ...request, deliveryMethod: 'express' }).shippingMinor).toBe(990);
  });

  it('never discounts more than the goods are worth', () => {
    const lines = [{ productId: JAR, quantity: 1 }];
    const priced = priceOrder({ lines, deliveryMethod: 'pickup', couponCode: 'SPRING5' });
    expect(priced).toMatchObject({ discountMinor: 399, totalMinor: 0 });
  });

  it('refuses products and coupons that do not exist', () => {
    const lines = [{ productId: 999, quantity: 1 }];
    const request = { lines, deliveryMethod: 'pickup', couponCode: null } as const;
    expect(() => priceOrder(request)).toThrow('missing: product 999');
    expect(() => priceOrder({ ...request, lines: [], couponCode: 'NONE' })).toThrow('coupon NONE');
  });
});

describe('includedTax', () => {
  it.each([
    [11900, 1900, 1900],
    [1070, 700, 70],
    [100, 1900, 16],
    [500, 0, 0],
  ])('of %d at %d basis points is %d', (total, rate, tax) => {
    expect(includedTax(total, rate)).toBe(tax);
  });
});
