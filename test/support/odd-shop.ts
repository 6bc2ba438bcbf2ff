/** A shop with every awkward kind of name, key and column. */
export const oddShopSql = `
CREATE SCHEMA "Odd.Shop";
CREATE TYPE "Odd.Shop"."state of order" AS ENUM ('open', 'it''s off', 'gone');
CREATE DOMAIN "Odd.Shop".cents AS numeric(12, 2);
CREATE TABLE public."order" (
  "Id" uuid PRIMARY KEY, "state" "Odd.Shop"."state of order" NOT NULL, "number" int NOT NULL, customer bigint,
  total "Odd.Shop".cents NOT NULL, plain json, tree jsonb, flag boolean, exact numeric, rough double precision,
  span interval, raw bytea, tags text[], place point, doc xml, letters char(5), moment timestamp(3), moment_tz timestamptz,
  day date, bits bit(3), "select" text, found text, counted integer, placed timestamptz NOT NULL DEFAULT now(),
  doubled numeric GENERATED ALWAYS AS (total * 2) STORED, touched timestamp NOT NULL DEFAULT now(), touched_day date, revision bigint NOT NULL DEFAULT 7);
CREATE TABLE public.line (
  "order" uuid NOT NULL REFERENCES public."order", place int, name text, quantity numeric(8, 3) NOT NULL, PRIMARY KEY ("order", place));
CREATE TABLE public.tag (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "order" uuid NOT NULL, line int NOT NULL, word text NOT NULL DEFAULT 'none', at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY ("order", line) REFERENCES public.line);
CREATE TABLE public.shelf (name text, half boolean, held numeric(8, 3) NOT NULL, room numeric(8, 3) NOT NULL, PRIMARY KEY (name, half));
`;

/** Its profile, as a file would have it. */
export const oddShopProfileText = `
profile: odd
title: Odd
order:
  table: public.order
  number: number
  customer: customer
  currency: { value: EUR }
  total: [{ column: total, unit: major }]
  status: { column: state, cancelled: ["it's off"], open: [open], shipped: [gone] }
  placed_when: { column: placed, not_null: true }
  placed_at: placed
lines: { table: public.line, product: name, quantity: quantity }
cancellation: { settle: 1s, longest: 1m, claims: { public.order: { updated: [state] } } }
locks: [public.line, public.order]
invariants: [{ name: "it's fine", sql: "SELECT state::text <> '$1' AND \\"Id\\" = $1 FROM public.order WHERE \\"Id\\" = $1" }]
tables:
  public.order:
    key: [Id]
    order: { column: Id }
    columns:
      Id: key
      state: value
      number: value
      customer: value
      total: value
      plain: value
      tree: value
      flag: value
      exact: value
      rough: value
      span: value
      raw: value
      tags: value
      place: value
      doc: value
      letters: value
      moment: value
      moment_tz: value
      day: value
      bits: value
      select: value
      found: value
      counted: value
      placed: value
      doubled: { ignore: the database works it out }
      touched: touch
      touched_day: touch
      revision: version
  public.line:
    key: [order, place]
    order: { column: order }
    columns: { order: key, place: key, name: value, quantity: value }
    deleted: reinsert
  public.tag:
    key: [id]
    order: { column: order }
    columns: { id: key, order: value, line: value, word: value, at: value }
    deleted: reinsert
    inserted: [{ do: delete }]
  public.shelf:
    key: [name, half]
    order: shared
    columns:
      name: key
      half: key
      held: { delta: { from: public.line, on: updated, amount: quantity, sign: 1, match: { name: name, half: place }, guard: { maximum: room } } }
      room: { ignore: fixed }
`;
