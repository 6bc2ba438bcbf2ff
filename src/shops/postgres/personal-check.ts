import type { Profile } from '../profile.js';
import type { CheckFault } from '../shop-adapter.js';
import { isPersonal } from '../row-reader.js';
import type { CatalogueTable } from './catalogue.js';
import { fault } from './table-check.js';

/** Words in the names of columns that hold something about a person. */
const telling =
  /(^|_)(e_?mail|phone|mobile|fax|first_?name|last_?name|full_?name|surname|recipient|street|address|postal_?code|postcode|zip(_?code)?|birth(day|_?date)?|iban|card_?number|ip_?address)(_|$)/;

/** Kinds of types that can hold such a thing: texts, and what PostgreSQL counts as of a user's own kind (JSON). */
const textual = ['S', 'U'];

/**
 * Columns that are journalled in the clear although their names say that they hold something about a
 * person. It is only their names that speak, so these are warnings. Pure.
 */
export function personalFaults(
  profile: Profile,
  catalogue: ReadonlyMap<string, CatalogueTable>,
): CheckFault[] {
  return Object.entries(profile.tables).flatMap(([table, mapping]) =>
    Object.entries(mapping.columns).flatMap(([column, role]) => {
      const facts = catalogue.get(table)?.columns.get(column);
      const isText = facts !== undefined && textual.includes(facts.category);
      if (!isText || isPersonal(role) || !telling.test(snakeCase(column))) return [];
      const message =
        'its name says that it is about a person, and it would be journalled in the clear; give it the role { value: personal }';
      return [fault('warning', ['tables', table, 'columns', column], message)];
    }),
  );
}

/** `shippingAddress` as `shipping_address`. */
function snakeCase(name: string): string {
  return name.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase();
}
