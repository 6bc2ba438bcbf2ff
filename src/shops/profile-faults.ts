import { tellingColumns } from './cancellation-actor.js';
import { totalColumns, totalMembers } from './order-total.js';
import { paymentStateColumns } from './payment-state.js';
import { Faults, part, type Path, type ProfileFault } from './profile-fault-list.js';
import { tableMappingFaults } from './profile-table-faults.js';
import type { Profile } from './profile.js';

/**
 * Contradictions inside a profile that its grammar cannot see: names of tables and columns that are not
 * mapped, parents in a circle, counters that belong to one order ... Empty for a sound profile.
 */
export function profileFaults(profile: Profile): ProfileFault[] {
  const faults = new Faults(profile);
  orderFaults(faults);
  attributeFaults(faults);
  lineFaults(faults);
  moneyFaults(faults);
  signFaults(faults);
  phraseFaults(faults);
  claimFaults(faults);
  lockFaults(faults);
  for (const [table, mapping] of Object.entries(profile.tables))
    tableMappingFaults(faults, table, mapping);
  return faults.found;
}

function orderFaults(faults: Faults): void {
  const { order } = faults.profile;
  const mapping = faults.table(['order', 'table'], order.table);
  if (mapping === undefined) return;
  const named: [Path, string | undefined][] = [
    [['number'], order.number],
    [['customer'], order.customer],
    [['currency'], 'column' in order.currency ? order.currency.column : undefined],
    [['status', 'column'], order.status.column],
    [['placed_when'], order.placed_when.column],
    [['placed_at'], order.placed_at],
    [['cancelled_at'], order.cancelled_at],
    ...totalColumns(faults.profile).map(({ column }): [Path, string] => [['total'], column]),
  ];
  for (const [path, column] of named) faults.open(['order', ...path], order.table, column);
  for (const { table, column } of totalMembers(faults.profile))
    part(faults, ['order', 'total'], table, [column]);
  if (mapping.columns[order.status.column] !== 'value')
    faults.add(['order', 'status', 'column'], 'the status column must have the role `value`');
  const overlap = order.status.cancelled.filter((status) =>
    [...order.status.open, ...order.status.shipped].includes(status),
  );
  if (overlap.length > 0)
    faults.add(['order', 'status'], `${overlap.join(', ')} cannot be cancelled and not cancelled`);
}

/** An attribute is shown, sliced by and filtered by: of the order's own rows, and nothing personal. */
function attributeFaults(faults: Faults): void {
  const { order } = faults.profile;
  for (const [name, source] of Object.entries(order.attributes)) {
    const path = ['order', 'attributes', name];
    if (typeof source === 'string') faults.open(path, order.table, source);
    else {
      part(faults, path, source.table, [source.column]);
      faults.filter([...path, 'where'], source.table, source.where);
    }
  }
}

/** One phrase cannot say two things. */
function phraseFaults(faults: Faults): void {
  const { wish, policy, unpaid } = faults.profile.cancellation.reasons;
  const meanings = Object.entries({ wish, policy, unpaid });
  const known = new Map<string, string>();
  for (const [meaning, phrases] of meanings)
    phrases.forEach((phrase, index) => {
      const before = known.get(phrase.toLowerCase());
      known.set(phrase.toLowerCase(), meaning);
      if (before !== undefined)
        faults.add(
          ['cancellation', 'reasons', meaning, index],
          `"${phrase}" stands under \`${before}\` already; a phrase says one thing`,
        );
    });
}

function lineFaults(faults: Faults): void {
  const { lines, shipping_lines: shipping } = faults.profile;
  part(faults, ['lines'], lines.table, [
    lines.quantity,
    lines.total?.column,
    lines.details?.column,
  ]);
  part(faults, ['lines'], lines.details?.table ?? lines.table, [
    lines.product,
    lines.name,
    lines.unit_price?.column,
  ]);
  if (shipping)
    part(faults, ['shipping_lines'], shipping.table, [shipping.method, shipping.price?.column]);
}

function moneyFaults(faults: Faults): void {
  const { payments, refunds } = faults.profile;
  if (payments)
    part(faults, ['payments'], payments.table, [
      payments.amount.column,
      ...paymentStateColumns(payments),
      payments.method,
    ]);
  if (payments) faults.filter(['payments', 'promised'], payments.table, payments.promised);
  if (refunds)
    part(faults, ['refunds'], refunds.table, [
      refunds.amount.column,
      refunds.payment,
      refunds.state,
    ]);
  if (refunds && !payments)
    faults.add(['refunds'], 'refunds belong to payments, which are not mapped');
}

function signFaults(faults: Faults): void {
  const { history, fraud, shipment } = faults.profile;
  if (history) {
    part(faults, ['history'], history.table, [history.at, history.actor_kind?.column]);
    // these may be personal: they are read before they are sealed
    for (const column of tellingColumns(history)) faults.column(['history'], history.table, column);
    faults.filter(['history', 'where'], history.table, history.where);
  }
  for (const [name, sign] of Object.entries({ fraud, shipment })) {
    if (sign === undefined) continue;
    part(faults, [name], sign.table, []);
    faults.filter([name, 'where'], sign.table, sign.where);
  }
}

function claimFaults(faults: Faults): void {
  const { cancellation } = faults.profile;
  if (cancellation.longest < cancellation.settle)
    faults.add(['cancellation', 'longest'], 'it cannot be shorter than `settle`');
  for (const [table, claim] of Object.entries(cancellation.claims)) {
    const path = ['cancellation', 'claims', table];
    const mapping = faults.table(path, table);
    if (mapping?.order === 'shared')
      faults.add(path, 'shared tables are not claimed: their delta columns say what moves');
    claim.updated.forEach((column, index) =>
      faults.column([...path, 'updated', index], table, column),
    );
    if (typeof claim.inserted === 'object')
      faults.filter([...path, 'inserted'], table, claim.inserted);
  }
}

function lockFaults(faults: Faults): void {
  const { locks, order, payments } = faults.profile;
  locks.forEach((table, index) => {
    const mapping = faults.table(['locks', index], table);
    if (mapping?.order === 'shared')
      faults.add(['locks', index], `${table} is shared; its counters are locked by themselves`);
    if (locks.indexOf(table) !== index) faults.add(['locks', index], `${table} is named twice`);
  });
  if (!locks.includes(order.table))
    faults.add(['locks'], `the order's own table ${order.table} must be locked`);
  if (payments !== undefined && !locks.includes(payments.table))
    faults.add(
      ['locks'],
      `the payments' table ${payments.table} must be locked: money may move while an order comes back`,
    );
}
