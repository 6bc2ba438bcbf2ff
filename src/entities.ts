import { AccessTokenEntity } from './access/access-token.entity.js';
import { AuditEntryEntity } from './access/audit-entry.entity.js';
import { IdempotencyKeyEntity } from './access/idempotency-key.entity.js';
import { PersonEntity } from './access/person.entity.js';
import { AlertEntity } from './alerting/alert.entity.js';
import { PageDeliveryEntity } from './alerting/page-delivery.entity.js';
import { StreamAlertEntity } from './alerting/streams/stream-alert.entity.js';
import { StreamWatchEntity } from './alerting/streams/stream-watch.entity.js';
import { PageEntity } from './alerting/page.entity.js';
import { ChangeMarkEntity } from './detection/change-mark.entity.js';
import { DetectorStateEntity } from './detection/detector-state.entity.js';
import { FindingEntryEntity } from './detection/finding-entry.entity.js';
import { FindingEntity } from './detection/finding.entity.js';
import { AnnouncementEntity } from './incidents/announcements/announcement.entity.js';
import { CaseEntity } from './incidents/case.entity.js';
import { IncidentDeliveryEntity } from './incidents/incident-delivery.entity.js';
import { IncidentAlertEntity } from './incidents/incident-alert.entity.js';
import { IncidentEntity } from './incidents/incident.entity.js';
import { TimelineEntryEntity } from './incidents/timeline-entry.entity.js';
import { ReplicationPartEntity } from './intake/replication/replication-part.entity.js';
import { OrderEventKeyEntity } from './intake/http/order-event-key.entity.js';
import { OrderEventStreamEntity } from './intake/http/order-event-stream.entity.js';
import { ReplicationSpoolEntity } from './intake/replication/replication-spool.entity.js';
import { ReplicationStreamEntity } from './intake/replication/replication-stream.entity.js';
import { JournalEntryEntity } from './journal/journal-entry.entity.js';
import { OrderTallyEntity } from './journal/order-tally.entity.js';
import { PersonalKeyEntity } from './journal/personal-key.entity.js';
import { RowImageEntity } from './journal/row-image.entity.js';
import { WorkLeaseEntity } from './platform/work/work-lease.entity.js';
import { ApprovalEntity } from './restore/approvals/approval.entity.js';
import { PlanItemEntity } from './restore/plans/plan-item.entity.js';
import { PlanEntity } from './restore/plans/plan.entity.js';
import { AttemptEntity } from './restore/runs/attempt.entity.js';
import { RestoreCursorEntity } from './restore/runs/restore-cursor.entity.js';
import { RunItemEntity } from './restore/runs/run-item.entity.js';
import { RunEntity } from './restore/runs/run.entity.js';
import { RestoreMarkerEntity } from './shops/restore-marker.entity.js';
import { RunbookRunEntity } from './runbooks/runs/run.entity.js';
import { RunbookStepEntity } from './runbooks/runs/run-step.entity.js';
import { ShopEntity } from './shops/shop.entity.js';
import type { EntityClass } from './platform/database/entity.js';

/** The shape of every table, room by room. Part of the composition root: the rooms do not know this list. */
export const entities: readonly EntityClass[] = [
  WorkLeaseEntity,
  AccessTokenEntity,
  AuditEntryEntity,
  IdempotencyKeyEntity,
  PersonEntity,
  ShopEntity,
  RestoreMarkerEntity,
  JournalEntryEntity,
  OrderTallyEntity,
  PersonalKeyEntity,
  RowImageEntity,
  ReplicationPartEntity,
  ReplicationSpoolEntity,
  ReplicationStreamEntity,
  OrderEventStreamEntity,
  OrderEventKeyEntity,
  ChangeMarkEntity,
  DetectorStateEntity,
  FindingEntryEntity,
  FindingEntity,
  AlertEntity,
  PageDeliveryEntity,
  StreamAlertEntity,
  StreamWatchEntity,
  PageEntity,
  AnnouncementEntity,
  CaseEntity,
  IncidentAlertEntity,
  IncidentDeliveryEntity,
  IncidentEntity,
  TimelineEntryEntity,
  RunbookRunEntity,
  RunbookStepEntity,
  ApprovalEntity,
  PlanItemEntity,
  PlanEntity,
  AttemptEntity,
  RestoreCursorEntity,
  RunItemEntity,
  RunEntity,
];
