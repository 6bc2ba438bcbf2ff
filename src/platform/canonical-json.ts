import { createHash } from 'node:crypto';

/** JSON with the fields of every object in the order of their names: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  // every order event goes through here several times: no list is made on the way
  const named = value as Readonly<Record<string, unknown>>;
  let fields = '';
  for (const name of Object.keys(named).sort()) {
    const field = named[name];
    if (field === undefined) continue;
    fields += `${fields === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(field)}`;
  }
  return `{${fields}}`;
}

/** SHA-256 of the canonical form, as hexadecimal text. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
