import { describe, expect, it } from '@jest/globals';
import { parseExposition, promqlFaults, readPromql } from '../support/promql.js';

const exposition = `
# HELP reinstate_cases Cases.
# TYPE reinstate_cases gauge
reinstate_cases{shop="main",state="open"} 0
reinstate_cases{shop="main",state="person"} 2
reinstate_delay_seconds_bucket{le="0.1",shop="main"} 0
reinstate_delay_seconds_bucket{le="+Inf",shop="main"} 1
reinstate_delay_seconds_count{shop="main"} 1
reinstate_alone 1
`;
const series = parseExposition(exposition);
const faults = (expression: string, others: readonly string[] = []) =>
  promqlFaults(expression, { series, others });

describe('an expression', () => {
  it.each([
    'reinstate_alone',
    'reinstate_cases{state="open"} > 0',
    'reinstate_cases{state=~"open|closed",shop!="other",} offset 5m',
    'sum by (shop) (rate(reinstate_delay_seconds_count[5m])) / on (shop) group_left () reinstate_cases',
    'histogram_quantile(0.99, sum by (le, shop) (rate(reinstate_delay_seconds_bucket[$__rate_interval])))',
    'max without (instance, job) (reinstate_cases{shop=~"$shop",state="person"}) == bool 2.5e3 # a comment: nothing',
    'topk(3, reinstate_cases) or vector(0) unless absent(reinstate_alone)',
    'label_replace(reinstate_alone, "reinstate_new", "$1", "x", "(.*)")',
  ])('whose names are all there has no fault: %s', (expression) => {
    expect(faults(expression)).toEqual([]);
  });

  it.each([
    ['reinstate_case', 'there is no metric "reinstate_case"'],
    ['rate(reinstate_nothing_total[5m]) > 0', 'there is no metric "reinstate_nothing_total"'],
    ['reinstate_delay_seconds', 'there is no metric "reinstate_delay_seconds"'],
    ['up == 0', 'there is no metric "up"'],
    ['reinstate_cases{status="open"}', 'the metric "reinstate_cases" has no label "status"'],
    [
      'reinstate_cases{state="opened"}',
      'no series of "reinstate_cases" is met by {state="opened"}',
    ],
    [
      'reinstate_cases{state="open",shop!~"ma.*"}',
      'no series of "reinstate_cases" is met by {state="open",shop!~"ma.*"}',
    ],
    ['sum by (state) (reinstate_alone)', 'no metric of it has the label "state"'],
    ['reinstate_alone * on (owner) reinstate_cases', 'no metric of it has the label "owner"'],
  ])('is told what is not there: %s', (expression, fault) => {
    expect(faults(expression)).toEqual([fault]);
  });

  it('may name what comes from elsewhere, where that is said', () => {
    expect(faults('shop:recorded:rate5m > 1 and up == 1', ['shop:recorded:rate5m', 'up'])).toEqual(
      [],
    );
  });

  it.each([
    'rte(reinstate_alone[5m])',
    'reinstate_cases{state}',
    'sum by (shop',
    '{job="x"}',
    'reinstate_alone § 1',
  ])('that is no PromQL is refused, not passed over: %s', (expression) => {
    expect(() => readPromql(expression)).toThrow('this is not understood');
  });
});
