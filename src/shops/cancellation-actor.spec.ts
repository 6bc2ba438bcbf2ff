import { cancellationActor, tellingColumns, type History } from './cancellation-actor.js';

const history: History = {
  table: 'shop.history',
  where: { kind: ['CANCELLED'] },
  at: 'at',
  actor: 'staff_id',
  reason: { column: 'data', json: 'reason' },
  actor_kind: { column: 'staff_id', map: {}, otherwise: 'staff', missing: 'job' },
};
const told = (data: string | null, staffId: string | null = '3') =>
  cancellationActor(history, { staff_id: staffId, data });

test('who, and of a JSON column the named member only', () => {
  expect(told('{"reason":"fraud","note":"calls at night"}')).toEqual({
    actorKind: 'staff',
    actor: '3',
    reason: 'fraud',
  });
  expect(told('{"reason":"fraud"}', null)).toMatchObject({ actorKind: 'job', actor: null });
});

test.each([null, 'fraud', '[]', '{"reason":{"text":"fraud"}}', '{"other":"fraud"}'])(
  'no reason in %p',
  (data) => {
    expect(told(data).reason).toBeNull();
  },
);

test('a reason is as long as a line and no longer, and ends in whole characters', () => {
  const told200 = 'x'.repeat(200);
  expect(told(JSON.stringify({ reason: told200 })).reason).toBe(told200);
  const { reason } = told(JSON.stringify({ reason: '🛒'.repeat(300) }));
  expect(reason).toBe(`${'🛒'.repeat(99)}…`);
});

test('a value that is sealed tells nothing', () => {
  const sealed = { sealed: 'x', hash: 'y', keyOf: 'customer:1' };
  expect(cancellationActor(history, { staff_id: '3', data: sealed }).reason).toBeNull();
});

test('the columns that tell', () => {
  expect(tellingColumns(history)).toEqual(['staff_id', 'data']);
  expect(tellingColumns({ ...history, actor: undefined, reason: 'why' })).toEqual(['why']);
});
