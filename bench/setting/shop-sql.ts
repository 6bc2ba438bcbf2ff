/** A shop's goods: so many products in one warehouse, more of each than anybody orders. */
export const goodsSql = `
  WITH made AS (
    INSERT INTO shop.product (id, sku, name, price_minor, tax_rate_basis_points)
    SELECT i, 'B-' || i, 'Product ' || i, 1000, 1900 FROM generate_series(1, $1::int) i RETURNING id)
  INSERT INTO shop.stock (product_id, warehouse, on_hand) SELECT id, 'LEJ', 10000000 FROM made`;

interface Statement {
  readonly sql: string;
  readonly values: number[];
}

/** Lines of one unit each, and shipping; the payment is the total. */
const amounts = { line: 1_000, shipping: 500, tax: 160, total: 3_500 };

/** The order's lines, as the statements below name them: three different products. */
const lines = `SELECT o, l, o * 3 - 3 + l AS id, 1 + (o * 3 + l) % $3::int AS product
  FROM generate_series($1::bigint, $2::bigint) o, generate_series(1, 3) l`;

/**
 * Statements that place and pay the orders from `first` to `last`, evenly over the seconds before now,
 * with all that the shop's own code would have written for them. 13 rows an order, beside its customer.
 */
export function ordersSql(
  given: readonly [number, number, number, number] | number[],
): Statement[] {
  const [first = 1, last = 0, products = 1, seconds = 0] = given;
  const range = [first, last];
  const wide = [first, last, products];
  return [
    {
      sql: `INSERT INTO shop.customer (id, name, email, street, postal_code, city, region, country)
        SELECT o, 'Name ' || o, 'c' || o || '@example.com', 'Street 1', '04109', 'Leipzig', 'SN', 'DE'
          FROM generate_series($1::bigint, $2::bigint) o`,
      values: range,
    },
    {
      sql: `INSERT INTO shop.orders (id, number, customer_id, status, currency, subtotal_minor, shipping_minor, tax_minor,
          total_minor, delivery_method, ship_name, ship_street, ship_postal_code, ship_city, contact_email, region,
          country, channel, app_version, payment_method, warehouse, placed_at, created_at)
        SELECT o, 'B-' || o, o, 'paid', 'EUR', 3 * ${amounts.line}, ${amounts.shipping}, 3 * ${amounts.tax},
          ${amounts.total}, 'standard', 'Name ' || o, 'Street 1', '04109', 'Leipzig', 'c' || o || '@example.com', 'SN',
          'DE', (ARRAY['web', 'ios', 'android'])[1 + o % 3], '1.' || o % 4, (ARRAY['card', 'paypal'])[1 + o % 2], 'LEJ',
          at, at
        FROM generate_series($1::bigint, $2::bigint) o,
          LATERAL (SELECT now() - $3::float8 * (($2 - o)::float8 / greatest(1, $2 - $1)) * interval '1 second' AS at) moment`,
      values: [first, last, seconds],
    },
    {
      sql: `INSERT INTO shop.order_line (id, order_id, product_id, sku, name, quantity, placed_quantity, unit_price_minor,
          tax_minor, total_minor)
        SELECT id, o, product, 'B-' || product, 'Product ' || product, 1, 1, ${amounts.line}, ${amounts.tax}, ${amounts.line}
          FROM (${lines}) lines`,
      values: wide,
    },
    {
      sql: `INSERT INTO shop.shipping_line (order_id, method, price_minor, tax_minor)
        SELECT o, 'standard', ${amounts.shipping}, 80 FROM generate_series($1::bigint, $2::bigint) o`,
      values: range,
    },
    {
      sql: `INSERT INTO shop.payment (order_id, provider, provider_reference, amount_minor, state)
        SELECT o, 'bank', 'bank-' || o, ${amounts.total}, 'captured' FROM generate_series($1::bigint, $2::bigint) o`,
      values: range,
    },
    {
      sql: `UPDATE shop.stock s SET allocated = s.allocated + held.units
          FROM (SELECT product, count(*) AS units FROM (${lines}) lines GROUP BY product) held WHERE s.product_id = held.product`,
      values: wide,
    },
    {
      sql: `INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
        SELECT id, product, 'LEJ', 'ALLOCATE', 1 FROM (${lines}) lines`,
      values: wide,
    },
    {
      sql: `INSERT INTO shop.order_history (order_id, type, from_status, to_status, actor_kind, actor)
        SELECT o, type, was, is_now, kind, actor FROM generate_series($1::bigint, $2::bigint) o,
          (VALUES ('PLACED', 'cart', 'pending_payment', 'customer', 'customer'),
                  ('PAID', 'pending_payment', 'paid', 'system', 'payments')) entry (type, was, is_now, kind, actor)`,
      values: range,
    },
  ];
}

/**
 * What the shop's code does to cancel an order, without its way over the network: stock and ledger, lines, shipping,
 * the order, two entries of history. 13 row changes in one transaction for each order of three lines.
 */
export const cancelProcedure = `
  CREATE SCHEMA bench;
  CREATE PROCEDURE bench.cancel(first bigint, last bigint, job text) LANGUAGE plpgsql AS $procedure$
  DECLARE one bigint;
  BEGIN
    FOR one IN SELECT generate_series(first, last) LOOP
      PERFORM FROM shop.orders WHERE id = one FOR UPDATE;
      UPDATE shop.stock s SET allocated = s.allocated - l.quantity
        FROM shop.order_line l WHERE l.order_id = one AND s.product_id = l.product_id AND s.warehouse = 'LEJ';
      INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
        SELECT l.id, l.product_id, 'LEJ', 'RELEASE', l.quantity FROM shop.order_line l WHERE l.order_id = one;
      UPDATE shop.order_line SET quantity = 0, tax_minor = 0, total_minor = 0 WHERE order_id = one;
      UPDATE shop.shipping_line
        SET adjustments = adjustments || jsonb_build_object('type', 'CANCEL_ORDER', 'amountMinor', -price_minor)
        WHERE order_id = one;
      UPDATE shop.orders SET status = 'cancelled', subtotal_minor = 0, shipping_minor = 0, tax_minor = 0, total_minor = 0,
          cancelled_at = clock_timestamp(), cancel_reason = 'payment not received', version = version + 1
        WHERE id = one;
      INSERT INTO shop.order_history (order_id, type, from_status, to_status, actor_kind, actor, reason) VALUES
        (one, 'CANCELLED', 'paid', 'cancelled', 'job', job, 'payment not received'),
        (one, 'STATUS', 'paid', 'cancelled', 'job', job, NULL);
      COMMIT;
    END LOOP;
  END $procedure$`;
