import { serverIncarnation } from '../incarnation.js';
import type { TextRow } from './shop-connections.js';

/**
 * The columns of a SELECT that name a primary's history, for `incarnationOf`. The timeline is the one that
 * the server writes in now, as IDENTIFY_SYSTEM says it too: the control file's is that of the last checkpoint,
 * and stays the old one for minutes after a promotion. Every role may ask; a standby answers with an error.
 */
export const identityColumns = `
  (SELECT system_identifier FROM pg_control_system())::text AS system_identifier,
  ('x' || substring(pg_walfile_name(pg_current_wal_lsn()) from 1 for 8))::bit(32)::bigint::text AS timeline`;

/** The incarnation, in the form in which the intake writes it, from a row with the `identityColumns`. */
export function incarnationOf(row: TextRow | undefined): string {
  return serverIncarnation({
    systemIdentifier: row?.['system_identifier'] ?? '',
    timeline: row?.['timeline'] ?? '',
  });
}
