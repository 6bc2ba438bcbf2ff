/**
 * What the test shop sells, and everything that a Medusa shop needs before it can sell: small, but with what
 * restores get wrong in it: prices with taxes that do not divide evenly, a scarce product, one whose stock
 * nobody manages, one on backorder.
 */
import {
  createInventoryLevelsWorkflow,
  createProductsWorkflow,
  createRegionsWorkflow,
  createShippingOptionsWorkflow,
  createShippingProfilesWorkflow,
  createStockLocationsWorkflow,
  createTaxRegionsWorkflow,
  createUsersWorkflow,
  linkSalesChannelsToStockLocationWorkflow,
} from '@medusajs/medusa/core-flows';
import { ContainerRegistrationKeys, Modules } from '@medusajs/framework/utils';

/** The variant with the fewest pieces, for "sold in the meantime". */
export const scarceSku = 'BOOK-SIGNED';

const products = [
  { title: 'Rye Bread', sku: 'BREAD-RYE', price: 3.33, stock: 500 },
  { title: 'Olive Oil', sku: 'OIL-OLIVE', price: 12.49, stock: 500 },
  { title: 'Ground Coffee', sku: 'COFFEE-GROUND', price: 7.77, stock: 500, backorder: true },
  { title: 'Honey', sku: 'HONEY', price: 8.9, stock: 500 },
  { title: 'Cast Iron Pan', sku: 'PAN-IRON', price: 39.95, stock: 200 },
  { title: 'Signed Cookbook', sku: scarceSku, price: 59, stock: 5 },
  { title: 'Gift Card Sleeve', sku: 'SLEEVE', price: 0.95, unmanaged: true },
];

const currency = 'eur';
const country = 'de';

/** Fills an empty shop and resolves with what its clients have to know. */
export async function seed(container, administrator) {
  const run = async (workflow, input) => (await workflow(container).run({ input })).result;
  // Medusa makes a channel of its own, and a key for it
  const [channel] = await container.resolve(Modules.SALES_CHANNEL).listSalesChannels();
  await hire(container, { run, ...administrator });
  const regions = [{ name: 'Germany', currency_code: currency, countries: [country] }];
  const [region] = await run(createRegionsWorkflow, {
    regions: regions.map((one) => ({ ...one, payment_providers: ['pp_system_default'] })),
  });
  await run(createTaxRegionsWorkflow, [
    {
      country_code: country,
      provider_id: 'tp_system',
      default_tax_rate: { name: 'Standard', code: 'standard', rate: 19 },
    },
  ]);
  const location = await openWarehouse(container, { run, channel, name: 'Berlin' });
  const profile = await shippingFrom(container, { run, location, region });
  await makeProducts({ run, channel, profile });
  await fillShelves(container, { run, location });
}

/** Makes a member of staff with a password. */
async function hire(container, { run, email, password }) {
  const [user] = await run(createUsersWorkflow, { users: [{ email }] });
  const auth = container.resolve(Modules.AUTH);
  const { authIdentity, error } = await auth.register('emailpass', { body: { email, password } });
  if (error) throw new Error(error);
  await auth.updateAuthIdentities({ id: authIdentity.id, app_metadata: { user_id: user.id } });
}

async function openWarehouse(container, { run, channel, name }) {
  const [location] = await run(createStockLocationsWorkflow, { locations: [{ name }] });
  await container.resolve(ContainerRegistrationKeys.LINK).create({
    [Modules.STOCK_LOCATION]: { stock_location_id: location.id },
    [Modules.FULFILLMENT]: { fulfillment_provider_id: 'manual_manual' },
  });
  await run(linkSalesChannelsToStockLocationWorkflow, { id: location.id, add: [channel.id] });
  return location;
}

async function shippingFrom(container, { run, location, region }) {
  const [profile] = await run(createShippingProfilesWorkflow, {
    data: [{ name: 'Default', type: 'default' }],
  });
  const set = await container.resolve(Modules.FULFILLMENT).createFulfillmentSets({
    name: 'Delivery',
    type: 'shipping',
    service_zones: [{ name: 'Germany', geo_zones: [{ country_code: country, type: 'country' }] }],
  });
  await container.resolve(ContainerRegistrationKeys.LINK).create({
    [Modules.STOCK_LOCATION]: { stock_location_id: location.id },
    [Modules.FULFILLMENT]: { fulfillment_set_id: set.id },
  });
  const rule = (attribute) => ({ attribute, value: 'true', operator: 'eq' });
  await run(createShippingOptionsWorkflow, [
    {
      name: 'Parcel',
      price_type: 'flat',
      provider_id: 'manual_manual',
      service_zone_id: set.service_zones[0].id,
      shipping_profile_id: profile.id,
      type: { label: 'Parcel', description: 'In two days', code: 'parcel' },
      prices: [
        { currency_code: currency, amount: 4.95 },
        { region_id: region.id, amount: 4.95 },
      ],
      rules: [rule('enabled_in_store'), { ...rule('is_return'), value: 'false' }],
    },
  ]);
  return profile;
}

async function makeProducts({ run, channel, profile }) {
  await run(createProductsWorkflow, {
    products: products.map(({ title, sku, price, backorder = false, unmanaged = false }) => ({
      title,
      status: 'published',
      shipping_profile_id: profile.id,
      options: [{ title: 'Size', values: ['One'] }],
      variants: [
        {
          title,
          sku,
          options: { Size: 'One' },
          manage_inventory: !unmanaged,
          allow_backorder: backorder,
          prices: [{ amount: price, currency_code: currency }],
        },
      ],
      sales_channels: [{ id: channel.id }],
    })),
  });
}

/** Puts the stock on the shelves; the inventory items came with the products. */
async function fillShelves(container, { run, location }) {
  const items = await container.resolve(Modules.INVENTORY).listInventoryItems();
  const levels = items.map(({ id, sku }) => ({
    inventory_item_id: id,
    location_id: location.id,
    stocked_quantity: products.find((product) => product.sku === sku).stock,
  }));
  await run(createInventoryLevelsWorkflow, { inventory_levels: levels });
}
