import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge';
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  type DataSourceRef,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DashboardLink,
  type Panel,
  type Threshold,
  type ThresholdsConfig,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The data source that the dashboard's variable names. */
export const datasource: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** A panel that still lacks its number. */
export interface NumberedLater extends Builder<Panel> {
  id(id: number): this;
}

/** One expression, and what its series are called; without a name they are called by the panel's title. */
export interface Query {
  readonly expr: string;
  readonly name?: string;
}

interface Shown {
  /** what a manager would ask for */
  readonly title: string;
  /** how the numbers come about, and what to do about them */
  readonly description: string;
  readonly queries: readonly Query[];
  readonly unit: string;
  readonly decimals?: number;
  /** of 24 columns */
  readonly width: number;
  /** file in runbooks/, without its ending */
  readonly runbook?: string;
  /** from these values on it is yellow, or red */
  readonly yellowFrom?: number;
  readonly redFrom?: number;
  /** what is shown instead of nothing */
  readonly without?: string;
}

/** One number, or one for each series, as it stands at the end of the shown time. */
export function figure(shown: Shown & { readonly height?: number }): NumberedLater {
  return dressed(new StatBuilder(), shown, 'at the end')
    .height(shown.height ?? 4)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .textMode(
      shown.queries.every(({ name }) => name === undefined)
        ? BigValueTextMode.Value
        : BigValueTextMode.ValueAndName,
    )
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

/** How it went over the shown time. */
export function course(shown: Shown & { readonly stacked?: boolean }): NumberedLater {
  const legend = new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true);
  const panel = dressed(new TimeSeriesBuilder(), shown, 'over time')
    .height(8)
    .min(0)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(shown.stacked === true ? 40 : 10)
    .legend(legend);
  return shown.stacked === true
    ? panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
    : panel;
}

/** One bar for each series, as they stand at the end of the shown time. */
export function comparison(shown: Shown): NumberedLater {
  return dressed(new BarGaugeBuilder(), shown, 'at the end')
    .height(8)
    .min(0)
    .displayMode(BarGaugeDisplayMode.Basic)
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

/** What every kind of panel can be told. */
interface Dressable {
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: DataSourceRef): this;
  span(width: number): this;
  unit(unit: string): this;
  decimals(decimals: number): this;
  noValue(text: string): this;
  links(links: Builder<DashboardLink>[]): this;
  thresholds(thresholds: Builder<ThresholdsConfig>): this;
  targets(targets: Builder<Dataquery>[]): this;
}

function dressed<Kind extends Dressable>(
  panel: Kind,
  shown: Shown,
  when: 'at the end' | 'over time',
): Kind {
  const { title, description, unit, width, runbook, decimals, without } = shown;
  panel
    .title(title)
    .description(description)
    .datasource(datasource)
    .span(width)
    .unit(unit)
    .thresholds(thresholdsOf(shown))
    .targets(shown.queries.map((query, index) => targetOf(query, { index, title, when })));
  if (decimals !== undefined) panel.decimals(decimals);
  if (without !== undefined) panel.noValue(without);
  if (runbook !== undefined) panel.links([runbookLink(runbook)]);
  return panel;
}

function targetOf(
  { expr, name }: Query,
  { index, title, when }: { index: number; title: string; when: 'at the end' | 'over time' },
): DataqueryBuilder {
  const target = new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(datasource)
    .expr(expr)
    .legendFormat(name ?? title);
  return when === 'over time' ? target.range() : target.instant();
}

function thresholdsOf({ yellowFrom, redFrom }: Shown): ThresholdsConfigBuilder {
  const hasAlarm = yellowFrom !== undefined || redFrom !== undefined;
  const steps: Threshold[] = [{ value: null, color: hasAlarm ? 'green' : 'blue' }];
  if (yellowFrom !== undefined) steps.push({ value: yellowFrom, color: 'yellow' });
  if (redFrom !== undefined) steps.push({ value: redFrom, color: 'red' });
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function runbookLink(runbook: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(`Runbook ${runbook}`)
    .type(DashboardLinkType.Link)
    .url(`\${reinstate}/api/v1/runbooks/${runbook}`)
    .targetBlank(true);
}
