import { assemble } from './dashboard.js';
import { incidents } from './incidents.js';
import { orders } from './orders.js';
import { reinstate } from './reinstate.js';

/** The dashboards as files of dashboards/json/: name and text. */
export function builtDashboards(): { name: string; text: string }[] {
  return [orders, incidents, reinstate].map((plan) => ({
    name: `${plan.uid}.json`,
    text: `${JSON.stringify(assemble(plan), null, 2)}\n`,
  }));
}
