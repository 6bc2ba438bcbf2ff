import { Fault } from '../platform/errors.js';
import { caseStates, caseTransitions, type CaseState } from './case.js';
import { incidentStatuses, incidentTransitions, type IncidentStatus } from './incident.js';
import { mayFollow, refusalOf, transitionTable } from './transitions.js';

const pairs = <State>(states: readonly State[]): [State, State][] =>
  states.flatMap((from) => states.map((to): [State, State] => [from, to]));

describe('the incident’s table', () => {
  const allowed = new Set([
    'open -> acknowledged',
    'open -> resolved',
    'acknowledged -> resolved',
    'resolved -> open',
  ]);

  it.each(pairs<IncidentStatus>(incidentStatuses))('%s -> %s', (from, to) => {
    expect(mayFollow(incidentTransitions, { from, to })).toBe(allowed.has(`${from} -> ${to}`));
  });
});

describe('the case’s table', () => {
  const allowed: Record<CaseState, CaseState[]> = {
    open: ['planned', 'restored', 'person', 'closed'],
    planned: ['open', 'restoring', 'restored', 'person', 'closed'],
    restoring: ['open', 'planned', 'unknown', 'restored', 'person'],
    unknown: ['open', 'planned', 'restored', 'person'],
    restored: ['open', 'person'],
    person: ['open', 'planned', 'restored', 'closed'],
    closed: ['open'],
  };

  it.each(pairs<CaseState>(caseStates))('%s -> %s', (from, to) => {
    expect(mayFollow(caseTransitions, { from, to })).toBe(allowed[from].includes(to));
  });

  it('never closes an order while it is being restored, nor one whose outcome is unknown', () => {
    expect(mayFollow(caseTransitions, { from: 'restoring', to: 'closed' })).toBe(false);
    expect(mayFollow(caseTransitions, { from: 'unknown', to: 'closed' })).toBe(false);
  });
});

describe('a refusal', () => {
  it('says what it is, why not, and what is possible', () => {
    const fault = refusalOf(caseTransitions, {
      from: 'restoring',
      to: 'closed',
      subject: 'the case of order 1001',
    });
    expect(fault).toBeInstanceOf(Fault);
    expect(fault.kind).toBe('conflict');
    expect(fault.code).toBe('transition-refused');
    expect(fault.message).toBe(
      'the case of order 1001 cannot become closed, because it is being restored right now; ' +
        'it can become planned or unknown or restored or person or open',
    );
  });
});

type Lamp = 'on' | 'off' | 'lost';

describe('a broken table', () => {
  const words = { on: 'on', off: 'off', lost: 'lost' };

  it('is found when it is made: a state that nothing leads to', () => {
    expect(() =>
      transitionTable<Lamp>({
        subject: 'lamp',
        initial: 'on',
        next: { on: ['off'], off: ['on'], lost: [] },
        words,
      }),
    ).toThrow('lamp: nothing leads from on to lost');
  });

  it('is found when it is made: a way from a state to itself', () => {
    expect(() =>
      transitionTable<Lamp>({
        subject: 'lamp',
        initial: 'on',
        next: { on: ['on', 'off', 'lost'], off: [], lost: [] },
        words,
      }),
    ).toThrow('lamp: on leads to itself');
  });
});
