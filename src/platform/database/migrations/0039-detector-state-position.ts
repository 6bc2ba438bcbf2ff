import { SqlMigration } from './sql-migration.js';

/** A detector that found nothing says only how far it has read: its state, which is large, is written when it must be. */
export class DetectorStatePosition1700000000039 extends SqlMigration {
  readonly name = 'DetectorStatePosition1700000000039';
  readonly sql = sql;
}

const sql = `
-- What was read after it told of nothing, and is read again by whoever loads the state.
ALTER TABLE reinstate.detector_state ADD COLUMN state_position bigint;
UPDATE reinstate.detector_state SET state_position = position;
ALTER TABLE reinstate.detector_state
  ALTER COLUMN state_position SET NOT NULL,
  ADD CONSTRAINT detector_state_read_on CHECK (state_position <= position);
`;
