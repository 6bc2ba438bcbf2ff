import { PgoutputDecoder, StreamUnreadable } from './pgoutput.js';
import { TransactionAssembler } from './source-transaction.js';
import { decodeTransaction, encodeTransaction } from './transaction-text.js';

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

describe('the replication stream', () => {
  function transactionOf(...messages: Buffer[]) {
    const decoder = new PgoutputDecoder();
    const assembler = new TransactionAssembler();
    const found = [begin, relation, ...messages, commit].map((message) =>
      assembler.take(decoder.decode(message)),
    );
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
    expect(decodeTransaction(encodeTransaction(transaction!))).toEqual(transaction);
  });

  it('passes over messages that are in no transaction, origins and types', () => {
    const decoder = new PgoutputDecoder();
    const assembler = new TransactionAssembler();
    const lone = Buffer.concat([tag('M'), u8(0), u64(1n), text('other'), sized('x')]);
    expect(assembler.take(decoder.decode(lone))).toBeUndefined();
    expect(assembler.inTransaction).toBe(false);
    expect(decoder.decode(Buffer.concat([tag('O'), u64(1n), text('elsewhere')])).kind).toBe(
      'other',
    );
    assembler.take(decoder.decode(begin));
    expect(assembler.inTransaction).toBe(true);
    expect(assembler.take(decoder.decode(lone))).toBeUndefined();
    expect(assembler.take(decoder.decode(commit))?.messages).toEqual([]);
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
    const nested = new TransactionAssembler();
    nested.take(decoder.decode(begin));
    expect(() => nested.take(decoder.decode(begin))).toThrow('inside another one');
    expect(() => new TransactionAssembler().take(decoder.decode(whole))).toThrow(
      'outside of any transaction',
    );
  });
});
