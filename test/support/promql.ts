/** What one selector of an expression asks for. */
export interface Selector {
  readonly name: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** What an expression names: metrics with what is asked of their labels, and labels that it groups or joins by. */
export interface Named {
  readonly selectors: readonly Selector[];
  readonly labels: readonly string[];
}

/** One exported series: a metric's name and its labels. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

type Token =
  | { readonly kind: 'name' | 'string' | 'number' | 'variable' | 'sign'; readonly text: string }
  | { readonly kind: 'range'; readonly text: string };

const pattern =
  /(?<space>\s+|#[^\n]*)|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?<range>\[[^\]]*\])|(?<variable>\$\{\w+(?::\w+)?\}|\$\w+)|(?<number>(?:\d+(?:ms|[smhdwy]))+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+|(?:Inf|NaN)\b)|(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},@])/y;

/** What stands between operands, and takes no metric's name. */
const keywords = new Set([
  ...['and', 'or', 'unless', 'bool', 'offset', 'atan2', 'start', 'end'],
  ...['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'],
]);
const listKeywords = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);

/** Functions and aggregations of PromQL (Prometheus 2.42); a name before a bracket that is none of them is a fault. */
const functions = new Set(
  (
    'sum avg min max count stddev stdvar group topk bottomk quantile count_values abs absent absent_over_time ceil ' +
    'changes clamp clamp_max clamp_min day_of_month day_of_week day_of_year days_in_month delta deriv exp floor ' +
    'histogram_quantile holt_winters hour idelta increase irate label_join label_replace ln log2 log10 minute month ' +
    'predict_linear rate resets round scalar sgn sort sort_desc sqrt time timestamp vector year avg_over_time ' +
    'min_over_time max_over_time sum_over_time count_over_time quantile_over_time stddev_over_time stdvar_over_time ' +
    'last_over_time present_over_time'
  ).split(' '),
);

/**
 * Reads a PromQL expression (also with Grafana's variables) as far as it names metrics and labels.
 * @throws Error for what is no PromQL: a character, a function or a matcher that it does not know
 */
export function readPromql(expression: string): Named {
  const tokens = tokensOf(expression);
  const selectors: Selector[] = [];
  const labels: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (token?.kind === 'sign' && token.text === '{')
      throw faultOf(expression, 'a selector without a name');
    if (token?.kind !== 'name') continue;
    if (listKeywords.has(token.text)) {
      const list = listAfter(tokens, at + 1, expression);
      labels.push(...list.labels);
      at = list.end;
    } else if (keywords.has(token.text)) continue;
    else if (functions.has(token.text)) continue;
    else if (next?.text === '(') throw faultOf(expression, `no function "${token.text}"`);
    else if (next?.text === '{') {
      const { matchers, end } = matchersAfter(tokens, at + 2, expression);
      selectors.push({ name: token.text, matchers });
      at = end;
    } else selectors.push({ name: token.text, matchers: [] });
  }
  return { selectors, labels };
}

/**
 * What an expression names that the series do not have: a metric, a label, or values of labels that no
 * series bears. `others` are names that come from elsewhere.
 */
export function promqlFaults(
  expression: string,
  given: { readonly series: readonly Series[]; readonly others?: readonly string[] },
): string[] {
  const { selectors, labels } = readPromql(expression);
  const others = new Set(given.others);
  const own = selectors.filter(({ name }) => !others.has(name));
  const faults = own.flatMap((selector) => selectorFaults(selector, given.series));
  const known = new Set([
    ...['job', 'instance', 'le'],
    ...own.flatMap(({ name }) => labelsOf(seriesOf(name, given.series))),
  ]);
  const isAllOthers = own.length === 0;
  const strange = isAllOthers ? [] : labels.filter((label) => !known.has(label));
  return [...faults, ...strange.map((label) => `no metric of it has the label "${label}"`)];
}

/** The series in an answer to a scrape. */
export function parseExposition(text: string): Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line);
      if (match === null) throw new Error(`no line of an exposition: ${line}`);
      const [, name = '', inner = ''] = match;
      const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name,
        labels: Object.fromEntries(labels.map(([, key = '', value = '']) => [key, value])),
      };
    });
}

function selectorFaults({ name, matchers }: Selector, series: readonly Series[]): string[] {
  const found = seriesOf(name, series);
  if (found.length === 0) return [`there is no metric "${name}"`];
  const known = new Set([...labelsOf(found), 'job', 'instance']);
  const strange = matchers.filter(({ label }) => !known.has(label));
  if (strange.length > 0)
    return strange.map(({ label }) => `the metric "${name}" has no label "${label}"`);
  const asked = matchers.filter(({ label }) => label !== 'job' && label !== 'instance');
  const isMet = found.some(({ labels }) => asked.every((matcher) => meets(labels, matcher)));
  const words = asked
    .map(({ label, operator, value }) => `${label}${operator}"${value}"`)
    .join(',');
  return isMet ? [] : [`no series of "${name}" is met by {${words}}`];
}

function seriesOf(name: string, series: readonly Series[]): Series[] {
  return series.filter((one) => one.name === name);
}

function labelsOf(series: readonly Series[]): string[] {
  return [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))];
}

/** A value that a dashboard fills in may be anything. */
function meets(labels: Series['labels'], { label, operator, value }: Matcher): boolean {
  if (value.includes('$')) return true;
  const present = labels[label] ?? '';
  const isRegular = operator === '=~' || operator === '!~';
  const isSame = isRegular ? new RegExp(`^(?:${value})$`).test(present) : present === value;
  return operator.startsWith('!') ? !isSame : isSame;
}

function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  const reader = new RegExp(pattern);
  while (reader.lastIndex < expression.length) {
    const at = reader.lastIndex;
    const groups: Record<string, string | undefined> | undefined = reader.exec(expression)?.groups;
    if (groups === undefined)
      throw faultOf(expression, `what stands at "${expression.slice(at, at + 10)}"`);
    const [kind, text] = Object.entries(groups).find(([, found]) => found !== undefined) ?? [];
    if (kind === undefined || text === undefined || kind === 'space') continue;
    tokens.push({ kind, text } as Token);
  }
  return tokens;
}

/** The labels in the brackets that begin here, if any do: `group_left` may stand alone. */
function listAfter(
  tokens: readonly Token[],
  from: number,
  expression: string,
): { labels: string[]; end: number } {
  if (tokens[from]?.text !== '(') return { labels: [], end: from - 1 };
  const close = tokens.findIndex(({ text }, index) => index > from && text === ')');
  if (close < 0) throw faultOf(expression, 'a bracket that is not closed');
  const inside = tokens.slice(from + 1, close);
  const labels = inside.filter(({ kind }) => kind === 'name').map(({ text }) => text);
  return { labels, end: close };
}

function matchersAfter(
  tokens: readonly Token[],
  from: number,
  expression: string,
): { matchers: Matcher[]; end: number } {
  const matchers: Matcher[] = [];
  let at = from;
  while (tokens[at]?.text !== '}') {
    const [label, operator, value, after] = tokens.slice(at, at + 4);
    const isOperator = ['=', '!=', '=~', '!~'].includes(operator?.text ?? '');
    if (label?.kind !== 'name' || !isOperator || value?.kind !== 'string')
      throw faultOf(expression, 'a matcher');
    matchers.push({
      label: label.text,
      operator: operator?.text as Matcher['operator'],
      value: value.text.slice(1, -1),
    });
    at += after?.text === ',' ? 4 : 3;
  }
  return { matchers, end: at };
}

function faultOf(expression: string, what: string): Error {
  return new Error(`this is not understood: ${what}, in: ${expression}`);
}
