// Runs each query of dashboards/json/ as Grafana would, over the time since a Prometheus has had data, for all shops
// and for each. Every one must show at least one series with a number, and the acts of the demo must show.
// Usage: dashboards-shown.mjs PROMETHEUS, with REINSTATE_URL and REINSTATE_TOKEN
import { readdirSync, readFileSync } from 'node:fs';

const [prometheus] = process.argv.slice(2);
const { REINSTATE_URL: reinstate, REINSTATE_TOKEN: token } = process.env;
const folder = new URL('../../dashboards/json/', import.meta.url);
const end = Math.floor(Date.now() / 1000);

/** What has to have been more than zero at some time of the demo. */
const acts = [
  'Orders placed in the last hour',
  'Orders cancelled in the last hour',
  'Judged wrongful in the last hour',
  'Orders placed a minute',
  'Orders cancelled a minute, by who did it',
  'Findings',
  'From cancellation to finding, half of them within',
  'Changes journalled, by kind',
  'Open incidents',
  'Money at risk',
  'Money recovered',
  'Orders restored',
  'Orders restored, by what came of the attempts',
  'From cancellation to page, 99 of 100 within',
  'From cancellation to restore, half of them within',
  'Processes that answer',
  'Shops, by how their stream stands',
  'Attempts to deliver, by what came of them',
  'Memory',
];

async function ask(path, parameters) {
  const url = `${prometheus}/api/v1/${path}?${new URLSearchParams(parameters)}`;
  const answer = await (await fetch(url)).json();
  if (answer.status !== 'success') throw new Error(`${url}: ${answer.error}`);
  return answer.data;
}

async function askReinstate(path) {
  const answer = await fetch(`${reinstate}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** Since when Prometheus has data. */
async function began() {
  const { result } = await ask('query', { query: 'min(min_over_time(timestamp(up)[1h:1s]))' });
  return Math.floor(Number(result[0].value[1]));
}

/** The values of a variable, whose query is of the form that Grafana itself works out. */
async function valuesOf({ name, query }) {
  const text = typeof query === 'string' ? query : query.query;
  const [, series, label] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? [];
  if (label === undefined) throw new Error(`the query of variable ${name} is of no known form`);
  return ask(`label/${label}/values`, { 'match[]': series });
}

function filledIn(expression, values) {
  const filled = Object.entries(values).reduce(
    (text, [name, value]) => text.replaceAll(`\${${name}}`, value).replaceAll(`$${name}`, value),
    expression,
  );
  if (filled.includes('$')) throw new Error(`a variable of this is not known: ${filled}`);
  return filled;
}

/** The numbers that a target shows: at the end for what shows one figure, else over the whole time. */
async function numbersOf({ expr, instant }, { values, start }) {
  const query = filledIn(expr, values);
  const { result } = instant
    ? await ask('query', { query, time: end })
    : await ask('query_range', { query, start, end, step: 1 });
  return result
    .flatMap((series) => series.values ?? [series.value])
    .map(([, value]) => Number(value))
    .filter(Number.isFinite);
}

/** Recovered money as the API tells it: that of all restored cases. */
async function recoveredByCases() {
  const { items: incidents } = await askReinstate('/incidents');
  const pages = incidents.map(({ id }) => askReinstate(`/incidents/${id}/cases?limit=500`));
  const cases = (await Promise.all(pages)).flatMap(({ items }) => items);
  const restored = cases.filter(({ state }) => state === 'restored');
  return restored.reduce((sum, { heldMinor }) => sum + heldMinor, 0) / 100;
}

const faults = [];
const shown = new Set();
const start = await began();
const times = { __rate_interval: '10s', __range: `${end - start}s`, __interval: '1s' };
let queries = 0;
for (const name of readdirSync(folder)) {
  const dashboard = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
  const variables = dashboard.templating.list;
  const [source] = variables.filter(({ type }) => type === 'datasource');
  if (source?.query !== 'prometheus') faults.push(`${name}: no Prometheus can be chosen`);
  const choices = [];
  for (const variable of variables.filter(({ type }) => type === 'query')) {
    const found = await valuesOf(variable);
    if (found.length === 0) faults.push(`${name}: variable ${variable.name} has no values`);
    for (const value of [variable.allValue, ...found]) choices.push({ [variable.name]: value });
  }
  for (const { title, targets = [] } of dashboard.panels)
    for (const target of targets)
      for (const choice of choices) {
        queries += 1;
        const numbers = await numbersOf(target, { values: { ...times, ...choice }, start });
        if (numbers.length === 0)
          faults.push(
            `${name}: "${title}" shows nothing for ${JSON.stringify(choice)}: ${target.expr}`,
          );
        if (numbers.some((number) => number > 0)) shown.add(title);
      }
}
for (const title of acts.filter((one) => !shown.has(one)))
  faults.push(`"${title}" was never more than 0`);
const [told, recovered] = [
  await ask('query', { query: 'max by (currency) (reinstate_money_recovered)', time: end }),
  await recoveredByCases(),
];
const inEuros = told.result.find(({ metric }) => metric.currency === 'EUR')?.value[1];
if (recovered <= 0 || Math.abs(Number(inEuros) - recovered) > 0.001)
  faults.push(`EUR ${recovered} were recovered, and the metric tells of ${inEuros}`);

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
console.log(
  `dashboards: ${queries} queries over ${end - start} s, all show data; EUR ${recovered} recovered, as the API says`,
);
