import type { Noun } from './command.js';
import { alert } from './nouns/alert.js';
import { announce } from './nouns/announce.js';
import { audit } from './nouns/audit.js';
import { change } from './nouns/change.js';
import { finding } from './nouns/finding.js';
import { incident } from './nouns/incident.js';
import { orderEvent } from './nouns/order-event.js';
import { order } from './nouns/order.js';
import { page } from './nouns/page.js';
import { person } from './nouns/person.js';
import { plan } from './nouns/plan.js';
import { run } from './nouns/run.js';
import { runbookRun } from './nouns/runbook-run.js';
import { runbook } from './nouns/runbook.js';
import { shop } from './nouns/shop.js';
import { token } from './nouns/token.js';
import { whoami } from './nouns/whoami.js';

/** Everything that the command line knows, in the order of its help. */
export const nouns: readonly Noun[] = [
  incident,
  order,
  orderEvent,
  plan,
  run,
  runbook,
  runbookRun,
  shop,
  finding,
  alert,
  page,
  announce,
  change,
  person,
  token,
  audit,
  whoami,
];
