/** What the sample shop sells and where from. Ids are places in these lists, counted from 1. */
export interface Product {
  id: number;
  sku: string;
  name: string;
  priceMinor: number;
  taxRateBasisPoints: number;
}

const STANDARD_TAX = 1900;
const REDUCED_TAX = 700;

const LIST: readonly (readonly [sku: string, name: string, priceMinor: number, tax: number])[] = [
  ['KT-1001', 'Cast iron pan 28 cm', 5490, STANDARD_TAX],
  ['KT-1002', 'Enamel pot 5 l', 4290, STANDARD_TAX],
  ['KT-1003', 'Chef knife, forged, 20 cm', 7990, STANDARD_TAX],
  ['KT-1004', 'Oak chopping board', 2995, STANDARD_TAX],
  ['KT-1005', 'Moka pot, 6 cups', 3450, STANDARD_TAX],
  ['KT-1006', 'Hand coffee grinder', 8900, STANDARD_TAX],
  ['KT-1007', 'Gooseneck kettle 0.8 l', 6490, STANDARD_TAX],
  ['KT-1008', 'Set of 4 linen napkins', 2390, STANDARD_TAX],
  ['KT-1009', 'Stoneware bowl, blue', 1490, STANDARD_TAX],
  ['KT-1010', 'Stoneware plate, blue', 1690, STANDARD_TAX],
  ['KT-1011', 'Preserving jar 1 l', 399, STANDARD_TAX],
  ['KT-1012', 'Digital kitchen scale', 2799, STANDARD_TAX],
  ['KT-1013', 'Pasta machine', 4950, STANDARD_TAX],
  ['KT-1014', 'Dough proofing basket', 1850, STANDARD_TAX],
  ['FD-2001', 'Espresso beans 1 kg', 1999, REDUCED_TAX],
  ['FD-2002', 'Filter coffee, Ethiopia 500 g', 1450, REDUCED_TAX],
  ['FD-2003', 'Forest honey 500 g', 990, REDUCED_TAX],
  ['FD-2004', 'Olive oil, Crete, 1 l', 1690, REDUCED_TAX],
  ['FD-2005', 'Dark chocolate 70 %, 5 bars', 1375, REDUCED_TAX],
  ['FD-2006', 'Rye flour 5 kg', 949, REDUCED_TAX],
  ['FD-2007', 'Apricot jam, 3 jars', 1299, REDUCED_TAX],
  ['FD-2008', 'Earl Grey, loose, 250 g', 1120, REDUCED_TAX],
  ['HM-3001', 'Wool blanket, grey', 8990, STANDARD_TAX],
  ['HM-3002', 'Linen duvet cover 155 x 220', 11900, STANDARD_TAX],
  ['HM-3003', 'Feather pillow 80 x 80', 3990, STANDARD_TAX],
  ['HM-3004', 'Terry towel 70 x 140', 1795, STANDARD_TAX],
  ['HM-3005', 'Floor lamp, oak and linen', 15900, STANDARD_TAX],
  ['HM-3006', 'Desk lamp with clamp', 4990, STANDARD_TAX],
  ['HM-3007', 'Beeswax candles, 6', 1890, STANDARD_TAX],
  ['HM-3008', 'Laundry basket, willow', 4450, STANDARD_TAX],
  ['HM-3009', 'Wall clock, quiet', 3290, STANDARD_TAX],
  ['HM-3010', 'Door mat, coir', 2190, STANDARD_TAX],
  ['GD-4001', 'Spade, ash handle', 4390, STANDARD_TAX],
  ['GD-4002', 'Pruning shears', 3690, STANDARD_TAX],
  ['GD-4003', 'Watering can 9 l, zinc', 3990, STANDARD_TAX],
  ['GD-4004', 'Terracotta pot 24 cm', 895, STANDARD_TAX],
  ['GD-4005', 'Seed box, herbs', 1250, REDUCED_TAX],
  ['GD-4006', 'Bird feeder', 2590, STANDARD_TAX],
  ['GD-4007', 'Hammock, cotton', 7490, STANDARD_TAX],
  ['GD-4008', 'Fire bowl 60 cm', 12900, STANDARD_TAX],
  ['BK-5001', 'Bread from sourdough (book)', 2800, REDUCED_TAX],
  ['BK-5002', 'The small vegetable garden (book)', 2200, REDUCED_TAX],
  ['BK-5003', 'Wall calendar', 1695, REDUCED_TAX],
  ['BK-5004', 'Notebook, dotted, A5', 1190, STANDARD_TAX],
  ['VC-9001', 'Gift card 25', 2500, 0],
  ['VC-9002', 'Gift wrapping', 350, STANDARD_TAX],
];

export const PRODUCTS: readonly Product[] = LIST.map(([sku, name, priceMinor, tax], place) => ({
  id: place + 1,
  sku,
  name,
  priceMinor,
  taxRateBasisPoints: tax,
}));

export const CURRENCY = 'EUR';
export const WAREHOUSES = ['LEJ', 'HAM', 'LNZ'] as const;
export type Warehouse = (typeof WAREHOUSES)[number];

export type DeliveryMethod = 'standard' | 'express' | 'pickup';
export type PaymentMethod = 'card' | 'paypal' | 'invoice' | 'bank_transfer';
export type Channel = 'web' | 'ios' | 'android';

/** Who settles each payment method, and whether money moves at once or when the goods leave. */
export const PAYMENT_PROVIDERS: Record<
  PaymentMethod,
  { provider: string; stateOncePaid: 'authorized' | 'captured' }
> = {
  card: { provider: 'cardhouse', stateOncePaid: 'captured' },
  paypal: { provider: 'paypal', stateOncePaid: 'captured' },
  invoice: { provider: 'laterpay', stateOncePaid: 'authorized' },
  bank_transfer: { provider: 'bank', stateOncePaid: 'captured' },
};
