import { PgoutputDecoder, StreamUnreadable } from './pgoutput.js';
import { TransactionAssembler, type SourceTransaction } from './source-transaction.js';
import {
  decodeChanges,
  decodeTransaction,
  encodeChanges,
  encodeTransaction,
} from './transaction-text.js';

const tag = (letter: string) => Buffer.from(letter);
const u8 = (value: number) => Buffer.from([value]);
const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
const u32 = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
};
const u64 = (value: bigint) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
};
const text = (value: string) => Buffer.from(`${value}\0`);
const sized = (value: string) => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);

/** undefined: unchanged TOAST */
function tuple(...values: (string | null | undefined)[]): Buffer {
  const columns = values.map((value) => {
    if (value === undefined) return tag('u');
    return value === null ? tag('n') : Buffer.concat([tag('t'), sized(value)]);
  });
  return Buffer.concat([u16(values.length), ...columns]);
}

const relation = Buffer.concat([
  ...[tag('R'), u32(4_000_000_000), text('shop'), text('orders'), tag('f'), u16(2)],
  ...[u8(1), text('id'), u32(20), u32(0xffffffff)],
  ...[u8(0), text('notes'), u32(25), u32(0xffffffff)],
]);
const id = u32(4_000_000_000);
const begin = Buffer.concat([
  tag('B'),
  u64(0x16b3748n),
  u64(848_620_800_123_456n),
  u32(3_000_000_000),
]);
const commit = Buffer.concat([tag('C'), u8(0), u64(0x16b3748n), u64(0x16b3778n), u64(0n)]);

/** Puts decoded messages together, without a limit unless one is given. */
function assembling(limits = { changes: 1_000, bytes: 1_000_000 }) {
  const decoder = new PgoutputDecoder();
  const assembler = new TransactionAssembler(limits);
  return {
    assembler,
    decoder,
    take: (message: Buffer) => assembler.take(decoder.decode(message), message.length),
  };
}

describe('the replication stream', () => {
  function transactionOf(...messages: Buffer[]) {
    const { take } = assembling();
    const found = [begin, relation, ...messages, commit].map(take);
    return found.at(-1);
  }

  it('becomes whole transactions, with microseconds, unsigned ids and untouched text', () => {
    const transaction = transactionOf(
      Buffer.concat([tag('I'), id, tag('N'), tuple('1', '\uFEFF12345678901234567890.10')]),
      Buffer.concat([tag('U'), id, tag('O'), tuple('1', 'a'), tag('N'), tuple('1', undefined)]),
      Buffer.concat([tag('U'), id, tag('K'), tuple('1', null), tag('N'), tuple('2', null)]),
      Buffer.concat([tag('U'), id, tag('N'), tuple('2', 'b')]),
      Buffer.concat([tag('D'), id, tag('K'), tuple('2', null)]),
      Buffer.concat([tag('T'), u32(1), u8(1), id]),
      Buffer.concat([tag('M'), u8(1), u64(1n), text('reinstate'), sized('{"a":1}')]),
    );
    const table = { table: 'shop.orders', columns: ['id', 'notes'] };
    expect(transaction).toEqual({
      commitLsn: '0/16B3748',
      endLsn: '0/16B3778',
      transactionId: 3_000_000_000,
      committedAt: '2026-11-22T00:00:00.123456Z',
      changes: [
        { kind: 'insert', relation: table, after: ['1', '\uFEFF12345678901234567890.10'] },
        {
          kind: 'update',
          relation: table,
          before: { whole: true, values: ['1', 'a'] },
          after: ['1', undefined],
        },
        {
          kind: 'update',
          relation: table,
          before: { whole: false, values: ['1', null] },
          after: ['2', null],
        },
        { kind: 'update', relation: table, before: null, after: ['2', 'b'] },
        { kind: 'delete', relation: table, before: { whole: false, values: ['2', null] } },
        { kind: 'truncate', relations: [table] },
      ],
      messages: [expect.objectContaining({ prefix: 'reinstate', content: '{"a":1}' })],
    });
    const whole = transaction as SourceTransaction;
    expect(decodeTransaction(encodeTransaction(whole))).toEqual(whole);
    expect(decodeChanges(encodeChanges(whole.changes))).toEqual(whole.changes);
  });

  it('passes over messages that are in no transaction, origins and types', () => {
    const { decoder, assembler, take } = assembling();
    const lone = Buffer.concat([tag('M'), u8(0), u64(1n), text('other'), sized('x')]);
    expect(take(lone)).toBeUndefined();
    expect(assembler.inTransaction).toBe(false);
    expect(decoder.decode(Buffer.concat([tag('O'), u64(1n), text('elsewhere')])).kind).toBe(
      'other',
    );
    take(begin);
    expect(assembler.inTransaction).toBe(true);
    expect(take(lone)).toBeUndefined();
    expect(take(commit)).toMatchObject({ messages: [] });
  });

  it.each([
    ['by number', { changes: 2, bytes: 1_000_000 }],
    ['by size', { changes: 1_000, bytes: 70 }],
  ])('hands a big transaction on in parts (%s), and never ends with nothing', (_by, limits) => {
    const { take } = assembling(limits);
    const insert = (key: string): Buffer =>
      Buffer.concat([tag('I'), id, tag('N'), tuple(key, 'x'.repeat(20))]);
    const came = [begin, relation, ...['1', '2', '3', '4', '5', '6'].map(insert), commit].map(take);
    const keysOf = (item: (typeof came)[number]) =>
      item?.changes.map((change) => (change.kind === 'insert' ? change.after[0] : ''));
    const [first, second, end, ...others] = came.filter((item) => item !== undefined);
    expect(others).toEqual([]);
    expect([first, second].map(keysOf)).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(first).toMatchObject({ commitLsn: '0/16B3748', number: 0 });
    expect(second).toMatchObject({ commitLsn: '0/16B3748', number: 1 });
    expect(end).toMatchObject({ endLsn: '0/16B3778', parts: 2 });
    expect(keysOf(end)).toEqual(['5', '6']);
  });

  it('refuses what it does not know, or what is cut off', () => {
    const decoder = new PgoutputDecoder();
    expect(() => decoder.decode(Buffer.from('?'))).toThrow('unknown message');
    expect(() => decoder.decode(Buffer.concat([tag('I'), u32(9), tag('N'), tuple('1')]))).toThrow(
      'did not describe relation 9',
    );
    decoder.decode(relation);
    const whole = Buffer.concat([tag('I'), id, tag('N'), tuple('1', 'cut off here')]);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decoder.decode(whole.subarray(0, length))).toThrow(StreamUnreadable);
    }
    expect(() => decoder.decode(Buffer.concat([whole, u8(0)]))).toThrow('1 bytes longer');
    const binary = Buffer.concat([tag('I'), id, tag('N'), u16(1), tag('b'), sized('x')]);
    expect(() => decoder.decode(binary)).toThrow('unknown kind of column value "b"');
    const twice = Buffer.concat([tag('U'), id, tag('O'), tuple('1', 'a'), tag('O'), tuple('1')]);
    expect(() => decoder.decode(twice)).toThrow('"O" where N belongs');
    const hollow = Buffer.concat([tag('D'), id, tag('N'), tuple('1', 'a')]);
    expect(() => decoder.decode(hollow)).toThrow('without its row');
    // streamed and prepared transactions are not asked for
    for (const kind of ['S', 'E', 'c', 'A', 'b', 'P', 'K', 'r', 'p']) {
      expect(() => decoder.decode(Buffer.concat([tag(kind), u32(1)]))).toThrow('unknown message');
    }
    const nested = assembling();
    nested.take(begin);
    expect(() => nested.take(begin)).toThrow('inside another one');
    const outside = assembling();
    outside.take(relation);
    expect(() => outside.take(whole)).toThrow('outside of any transaction');
  });
});
