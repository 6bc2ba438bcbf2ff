import { meantOrder, unsettledOrder } from './order-name.js';

describe('the name of an order', () => {
  it('is a number or an id, whichever there is', () => {
    expect(meantOrder('1042', { byNumber: '7', byId: undefined })).toBe('7');
    expect(meantOrder('1042', { byNumber: undefined, byId: '1042' })).toBe('1042');
    expect(meantOrder('1042', { byNumber: '1042', byId: '1042' })).toBe('1042');
    expect(meantOrder('1042', { byNumber: undefined, byId: undefined })).toBeUndefined();
  });

  it('that is one order’s number and another one’s id is not guessed', () => {
    expect(() => meantOrder('1042', { byNumber: '7', byId: '1042' })).toThrow(
      expect.objectContaining({
        kind: 'conflict',
        code: 'order-ambiguous',
        message: expect.stringContaining('say which is meant') as unknown,
        details: { data: { byNumber: { orderId: '7' }, byId: { orderId: '1042' } } },
      }) as Error,
    );
  });

  it('that only the shop could settle is asked back, with the way out', () => {
    const fault = unsettledOrder('1042');
    expect(fault).toMatchObject({
      ...{ kind: 'unavailable', code: 'order-unsettled' },
      details: { data: { byId: { orderId: '1042' } } },
    });
    expect(fault.message).toMatch(/by=id or by=number; on the command line --by/);
  });
});
