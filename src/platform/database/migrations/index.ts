import { Foundation1700000000001 } from './0001-foundation.js';
import { Access1700000000002 } from './0002-access.js';
import { Shops1700000000003 } from './0003-shops.js';
import { Journal1700000000004 } from './0004-journal.js';
import { Intake1700000000005 } from './0005-intake.js';
import { Detection1700000000006 } from './0006-detection.js';
import { Alerting1700000000007 } from './0007-alerting.js';
import { Incidents1700000000008 } from './0008-incidents.js';
import { Restore1700000000009 } from './0009-restore.js';
import { StaleRowImage1700000000011 } from './0011-stale-row-image.js';
import { RestoreMarker1700000000012 } from './0012-restore-marker.js';
import { StreamAlerts1700000000013 } from './0013-stream-alerts.js';
import { RestoreSettlement1700000000014 } from './0014-restore-settlement.js';
import { IncidentPages1700000000015 } from './0015-incident-pages.js';
import { RestoreExpectations1700000000016 } from './0016-restore-expectations.js';
import { CaseCancellations1700000000017 } from './0017-case-cancellations.js';
import { OrderAsOf1700000000018 } from './0018-order-as-of.js';
import { JournalCancellations1700000000019 } from './0019-journal-cancellations.js';
import { AlikeOrders1700000000020 } from './0020-alike-orders.js';
import { UnseenTables1700000000022 } from './0022-unseen-tables.js';
import { PublicationOid1700000000023 } from './0023-publication-oid.js';
import { OrderEvents1700000000024 } from './0024-order-events.js';
import { Runbooks1700000000027 } from './0027-runbooks.js';
import { MoneyRecovered1700000000028 } from './0028-money-recovered.js';
import { Signals1700000000030 } from './0030-signals.js';
import { LargeTransactions1700000000031 } from './0031-large-transactions.js';
import { JournalLines1700000000032 } from './0032-journal-lines.js';
import { KeptByWhatStays1700000000038 } from './0038-kept-by-what-stays.js';
import { DetectorStatePosition1700000000039 } from './0039-detector-state-position.js';
import { CaseTraces1700000000040 } from './0040-case-traces.js';

/** All migrations, oldest first. A released one is never edited; a change is a new one. */
export const migrations = [
  Foundation1700000000001,
  Access1700000000002,
  Shops1700000000003,
  Journal1700000000004,
  Intake1700000000005,
  Detection1700000000006,
  Alerting1700000000007,
  Incidents1700000000008,
  Restore1700000000009,
  StaleRowImage1700000000011,
  RestoreMarker1700000000012,
  StreamAlerts1700000000013,
  RestoreSettlement1700000000014,
  IncidentPages1700000000015,
  RestoreExpectations1700000000016,
  CaseCancellations1700000000017,
  OrderAsOf1700000000018,
  JournalCancellations1700000000019,
  AlikeOrders1700000000020,
  UnseenTables1700000000022,
  PublicationOid1700000000023,
  OrderEvents1700000000024,
  Runbooks1700000000027,
  MoneyRecovered1700000000028,
  Signals1700000000030,
  LargeTransactions1700000000031,
  JournalLines1700000000032,
  KeptByWhatStays1700000000038,
  DetectorStatePosition1700000000039,
  CaseTraces1700000000040,
];
