import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type VariableOption,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { datasource, type NumberedLater } from './panels.js';

/** Where the dashboards think that Reinstate is, until somebody fills in another address. */
export const usualAddress = 'http://localhost:8080';

export interface DashboardPlan {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** the time that is shown at first, back from now */
  readonly from: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly NumberedLater[] }[];
}

/** All that Reinstate's dashboards have in common: variables, links to each other, and panels with numbers. */
export function assemble(plan: DashboardPlan): Dashboard {
  const builder = new DashboardBuilder(plan.title)
    .uid(plan.uid)
    .description(plan.description)
    .tags(['reinstate'])
    .readonly()
    .time({ from: plan.from, to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([prometheusVariable(), shopVariable(), addressVariable()])
    .link(linkToTheOthers());
  let id = 0;
  const next = (): number => (id += 1);
  for (const { title, panels } of plan.rows) {
    builder.withRow(new RowBuilder(title).id(next()));
    for (const panel of panels) builder.withPanel(panel.id(next()));
  }
  return builder.build();
}

function prometheusVariable(): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder('datasource')
    .label('Prometheus')
    .description('The Prometheus that scrapes Reinstate.')
    .type('prometheus');
}

const all: VariableOption = { selected: true, text: 'All', value: '$__all' };

function shopVariable(): QueryVariableBuilder {
  const query = 'label_values(reinstate_orders_placed_total, shop)';
  return new QueryVariableBuilder('shop')
    .label('Shop')
    .description('One shop, several, or all.')
    .datasource(datasource)
    .query({ query, refId: 'shop' })
    .definition(query)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current(all)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
}

function addressVariable(): TextBoxVariableBuilder {
  return new TextBoxVariableBuilder('reinstate')
    .label('Address of Reinstate')
    .description('Links to runbooks begin with it.')
    .defaultValue(usualAddress)
    .current({ selected: true, text: usualAddress, value: usualAddress });
}

function linkToTheOthers(): DashboardLinkBuilder {
  return new DashboardLinkBuilder('Reinstate')
    .type(DashboardLinkType.Dashboards)
    .tags(['reinstate'])
    .includeVars(true)
    .keepTime(true);
}
