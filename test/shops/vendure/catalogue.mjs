/**
 * What the test shop sells: small, but with what restores get wrong in it: prices that do not
 * divide evenly by the tax rate, several variants of one product, one scarce product, one product
 * whose stock nobody tracks.
 */

const product = (name, sku, price, stockOnHand, trackInventory = true) => ({
  name,
  variants: [{ sku, price, stockOnHand, trackInventory, option: '' }],
});

/** Prices in whole currency without tax, as Vendure's import wants them. */
export const products = [
  product('Rye Bread', 'BREAD-RYE', '3.33', 500),
  product('Sea Salt', 'SALT-SEA', '1.99', 500),
  product('Olive Oil', 'OIL-OLIVE', '12.49', 500),
  product('Ground Coffee', 'COFFEE-GROUND', '7.77', 500),
  product('Green Tea', 'TEA-GREEN', '4.05', 500),
  product('Honey', 'HONEY', '8.90', 500),
  product('Cast Iron Pan', 'PAN-IRON', '39.95', 200),
  product('Signed Cookbook', 'BOOK-SIGNED', '59.00', 5),
  product('Gift Card Sleeve', 'SLEEVE', '0.95', 0, false),
  {
    name: 'Apron',
    variants: [
      { sku: 'APRON-BLUE', price: '19.90', stockOnHand: 300, trackInventory: true, option: 'Blue' },
      { sku: 'APRON-RED', price: '19.90', stockOnHand: 300, trackInventory: true, option: 'Red' },
    ],
  },
];

/** The variant with the fewest pieces, for "sold in the meantime". */
export const scarceSku = 'BOOK-SIGNED';

/** Countries, taxes, shipping and payment methods, in the form of Vendure's own `InitialData`. */
export const initialData = {
  defaultLanguage: 'en',
  defaultZone: 'Europe',
  countries: [
    { name: 'Germany', code: 'DE', zone: 'Europe' },
    { name: 'Austria', code: 'AT', zone: 'Europe' },
  ],
  taxRates: [{ name: 'Standard Tax', percentage: 19 }],
  shippingMethods: [
    { name: 'Parcel', price: 495, taxRate: 19 },
    { name: 'Courier', price: 1290, taxRate: 19 },
  ],
  paymentMethods: [
    { name: 'Card', handler: { code: 'test-card', arguments: [] } },
    { name: 'Invoice', handler: { code: 'test-invoice', arguments: [] } },
  ],
  collections: [],
};

const csvHead =
  'name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,trackInventory,variantAssets,variantFacets';

function csvRows({ name, variants }) {
  const slug = name.toLowerCase().replaceAll(' ', '-');
  return variants.map((variant, index) => {
    const first = index === 0;
    const head = first
      ? [name, slug, name, '', '', variant.option && 'colour']
      : ['', '', '', '', '', ''];
    const rest = [
      variant.sku,
      variant.price,
      'standard tax',
      variant.stockOnHand,
      variant.trackInventory,
      '',
      '',
    ];
    return [...head, variant.option, ...rest].join(',');
  });
}

/** The products as the CSV text that Vendure's importer reads. */
export function productsAsCsv() {
  return [csvHead, ...products.flatMap(csvRows)].join('\n');
}
