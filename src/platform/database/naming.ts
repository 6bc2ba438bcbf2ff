import { DefaultNamingStrategy, type NamingStrategyInterface, type Table } from 'typeorm';

/**
 * The names that PostgreSQL itself gives where a migration names nothing: snake_case columns,
 * `person_pkey`, `person_name_key`, `access_token_person_id_fkey`. So an entity says only what is not plain.
 * Checks and indexes are not derived: their names stand in the entity.
 */
export class PostgresNaming extends DefaultNamingStrategy implements NamingStrategyInterface {
  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? columnNameOf(propertyName);
  }

  override primaryKeyName(table: Table | string): string {
    return `${this.getTableName(table)}_pkey`;
  }

  override uniqueConstraintName(table: Table | string, columnNames: string[]): string {
    return `${this.getTableName(table)}_${columnNames.join('_')}_key`;
  }

  override foreignKeyName(table: Table | string, columnNames: string[]): string {
    return `${this.getTableName(table)}_${columnNames.join('_')}_fkey`;
  }
}

/** `armedAt` is kept in `armed_at`. */
export function columnNameOf(propertyName: string): string {
  return propertyName.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
