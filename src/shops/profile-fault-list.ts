import type { ColumnRole, Profile, TableMapping } from './profile.js';
import { isPersonal } from './row-reader.js';

/** One thing that is wrong with a profile, and where in it. */
export interface ProfileFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type Path = readonly (string | number)[];

/** Collects faults; its checks answer whether what they looked at was sound. */
export class Faults {
  readonly found: ProfileFault[] = [];

  constructor(readonly profile: Profile) {}

  add(path: Path, message: string): void {
    this.found.push({ path, message });
  }

  table(path: Path, table: string): TableMapping | undefined {
    const mapping = this.profile.tables[table];
    if (mapping === undefined) this.add(path, `${table} is not mapped under \`tables\``);
    return mapping;
  }

  column(path: Path, table: string, column: string): ColumnRole | undefined {
    const mapping = this.profile.tables[table];
    const role = mapping?.columns[column];
    if (mapping !== undefined && role === undefined)
      this.add(path, `column ${column} is not mapped under tables["${table}"].columns`);
    return role;
  }

  /** A column that ends up in snapshots, metrics or texts, and so must not be personal. */
  open(path: Path, table: string, column: string | undefined): void {
    if (column === undefined) return;
    if (isPersonal(this.column(path, table, column)))
      this.add(path, `column ${column} is personal data and cannot be used here`);
  }

  filter(path: Path, table: string, filter: Readonly<Record<string, unknown>> | undefined): void {
    for (const column of Object.keys(filter ?? {})) this.open([...path, column], table, column);
  }
}

/** The named table has to be mapped with an order of its own; its named columns are open. */
export function part(
  faults: Faults,
  path: Path,
  table: string,
  columns: readonly (string | undefined)[],
): void {
  const mapping = faults.table([...path, 'table'], table);
  if (mapping?.order === 'shared')
    faults.add([...path, 'table'], `${table} is shared, so its rows belong to no one order`);
  for (const column of columns) faults.open(path, table, column);
}
