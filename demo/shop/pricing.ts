import { type DeliveryMethod, type Product, PRODUCTS } from './catalogue.js';
import { must } from './must.js';

const SHIPPING_PRICE_MINOR: Record<DeliveryMethod, number> = {
  standard: 490,
  express: 990,
  pickup: 0,
};
const FREE_STANDARD_SHIPPING_FROM_MINOR = 7500;
const SHIPPING_TAX_BASIS_POINTS = 1900;

const COUPONS: Record<string, (subtotalMinor: number) => number> = {
  WELCOME10: (subtotalMinor) => Math.round(subtotalMinor / 10),
  SPRING5: (subtotalMinor) => Math.min(500, subtotalMinor),
};
export const COUPON_CODES: readonly string[] = Object.keys(COUPONS);

export interface WantedLine {
  productId: number;
  quantity: number;
}

export interface PricedLine extends WantedLine {
  product: Product;
  unitPriceMinor: number;
  taxMinor: number;
  totalMinor: number;
}

export interface PricedOrder {
  lines: PricedLine[];
  subtotalMinor: number;
  shippingMinor: number;
  shippingTaxMinor: number;
  taxMinor: number;
  discountMinor: number;
  totalMinor: number;
}

export interface PricingRequest {
  lines: readonly WantedLine[];
  deliveryMethod: DeliveryMethod;
  couponCode: string | null;
}

/** Prices an order at today's list prices; all amounts are minor units with tax included. */
export function priceOrder(request: PricingRequest): PricedOrder {
  const lines = request.lines.map(priceLine);
  const subtotalMinor = sum(lines.map((line) => line.totalMinor));
  const shippingMinor = shippingPrice(request.deliveryMethod, subtotalMinor);
  const shippingTaxMinor = includedTax(shippingMinor, SHIPPING_TAX_BASIS_POINTS);
  const discountMinor = discount(request.couponCode, subtotalMinor);
  return {
    lines,
    subtotalMinor,
    shippingMinor,
    shippingTaxMinor,
    taxMinor: sum(lines.map((line) => line.taxMinor)) + shippingTaxMinor,
    discountMinor,
    totalMinor: Math.max(0, subtotalMinor + shippingMinor - discountMinor),
  };
}

/** The tax contained in an amount that includes it, rounded to the minor unit. */
export function includedTax(totalMinor: number, rateBasisPoints: number): number {
  return Math.round((totalMinor * rateBasisPoints) / (10_000 + rateBasisPoints));
}

function priceLine(wanted: WantedLine): PricedLine {
  const product = must(PRODUCTS[wanted.productId - 1], `product ${wanted.productId}`);
  const totalMinor = product.priceMinor * wanted.quantity;
  return {
    ...wanted,
    product,
    unitPriceMinor: product.priceMinor,
    taxMinor: includedTax(totalMinor, product.taxRateBasisPoints),
    totalMinor,
  };
}

function shippingPrice(method: DeliveryMethod, subtotalMinor: number): number {
  if (method === 'standard' && subtotalMinor >= FREE_STANDARD_SHIPPING_FROM_MINOR) return 0;
  return SHIPPING_PRICE_MINOR[method];
}

function discount(couponCode: string | null, subtotalMinor: number): number {
  if (couponCode === null) return 0;
  return must(COUPONS[couponCode], `coupon ${couponCode}`)(subtotalMinor);
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
