import { lsnText } from './lsn.js';
import { ToldFailure } from './shop-problem.js';

/** A table as the stream describes it before the first change to it, and again after its definition changed. */
export interface SourceRelation {
  /** schema-qualified name, as profiles write it */
  readonly table: string;
  readonly columns: readonly string[];
}

/**
 * Column values in the relation's order, as PostgreSQL prints them; `undefined` stands for a large value
 * that was not changed and is therefore not sent (unchanged TOAST).
 */
export type SourceTuple = readonly (string | null | undefined)[];

/** The row before: whole under REPLICA IDENTITY FULL, else only its identity's columns (others are null). */
export interface SourceOldTuple {
  readonly whole: boolean;
  readonly values: SourceTuple;
}

export type SourceChange =
  | { readonly kind: 'insert'; readonly relation: SourceRelation; readonly after: SourceTuple }
  | {
      readonly kind: 'update';
      readonly relation: SourceRelation;
      readonly before: SourceOldTuple | null;
      readonly after: SourceTuple;
    }
  | { readonly kind: 'delete'; readonly relation: SourceRelation; readonly before: SourceOldTuple }
  | { readonly kind: 'truncate'; readonly relations: readonly SourceRelation[] };

export type PgoutputMessage =
  | {
      readonly kind: 'begin';
      readonly commitLsn: string;
      /** microseconds since 1970 */
      readonly committedAt: bigint;
      readonly transactionId: number;
    }
  | { readonly kind: 'commit'; readonly commitLsn: string; readonly endLsn: string }
  | { readonly kind: 'relation'; readonly relation: SourceRelation }
  | SourceChange
  | {
      readonly kind: 'message';
      readonly transactional: boolean;
      readonly prefix: string;
      readonly content: string;
    }
  /** origins and types: nothing that the journal needs */
  | { readonly kind: 'other' };

/** The bytes are no message of protocol version 1, or not one that fits what came before. */
export class StreamUnreadable extends ToldFailure {
  override readonly name = 'StreamUnreadable';
}

/** Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
const postgresEpoch = 946_684_800_000_000n;

/**
 * Decodes pgoutput, protocol version 1. Ours and not the library's, because that one turns values into
 * JavaScript types by the process-wide type parsers (microseconds and big numbers are lost), strips a
 * leading U+FEFF from text, and reads transaction ids as signed. It remembers the relations it was told,
 * so one decoder belongs to one connection.
 *
 * Formats: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export class PgoutputDecoder {
  private readonly relations = new Map<number, SourceRelation>();

  /** Throws StreamUnreadable where the bytes are no message of protocol version 1. */
  decode(buffer: Buffer): PgoutputMessage {
    const reader = new MessageReader(buffer);
    const message = this.read(reader);
    // a message that is longer than what was understood of it was misunderstood
    if (message.kind !== 'other') reader.end();
    return message;
  }

  private read(reader: MessageReader): PgoutputMessage {
    const tag = reader.tag();
    switch (tag) {
      case 'B':
        return {
          kind: 'begin',
          commitLsn: reader.lsn(),
          committedAt: reader.int64() + postgresEpoch,
          transactionId: reader.uint32(),
        };
      case 'C':
        return readCommit(reader);
      case 'R':
        return { kind: 'relation', relation: this.readRelation(reader) };
      case 'I':
        return this.readInsert(reader);
      case 'U':
        return this.readUpdate(reader);
      case 'D':
        return this.readDelete(reader);
      case 'T':
        return this.readTruncate(reader);
      case 'M':
        return readLogicalMessage(reader);
      case 'O':
      case 'Y':
        return { kind: 'other' };
      default:
        throw new StreamUnreadable(
          `unknown message ${JSON.stringify(tag)} in the replication stream`,
        );
    }
  }

  private readRelation(reader: MessageReader): SourceRelation {
    const id = reader.uint32();
    const schema = reader.text();
    const table = `${schema}.${reader.text()}`;
    reader.uint8(); // replica identity: each change says itself what it carries
    const columns = reader.list(reader.uint16(), () => {
      reader.uint8(); // part of the key or not
      const name = reader.text();
      reader.uint32(); // type
      reader.uint32(); // type modifier
      return name;
    });
    const relation = { table, columns };
    this.relations.set(id, relation);
    return relation;
  }

  private relation(id: number): SourceRelation {
    const relation = this.relations.get(id);
    if (relation === undefined) {
      throw new StreamUnreadable(`the stream did not describe relation ${id}`);
    }
    return relation;
  }

  private readInsert(reader: MessageReader): SourceChange {
    const relation = this.relation(reader.uint32());
    reader.expect('N');
    return { kind: 'insert', relation, after: readTuple(reader) };
  }

  private readUpdate(reader: MessageReader): SourceChange {
    const relation = this.relation(reader.uint32());
    const before = readOldTuple(reader);
    if (before !== null) reader.expect('N');
    return { kind: 'update', relation, before, after: readTuple(reader) };
  }

  private readDelete(reader: MessageReader): SourceChange {
    const relation = this.relation(reader.uint32());
    const before = readOldTuple(reader);
    if (before === null) {
      throw new StreamUnreadable(`a delete in ${relation.table} without its row`);
    }
    return { kind: 'delete', relation, before };
  }

  private readTruncate(reader: MessageReader): SourceChange {
    const count = reader.uint32();
    reader.uint8(); // cascade, restart identity: the tables are listed all the same
    return {
      kind: 'truncate',
      relations: reader.list(count, () => this.relation(reader.uint32())),
    };
  }
}

function readCommit(reader: MessageReader): PgoutputMessage {
  reader.uint8(); // flags, none so far
  const commitLsn = reader.lsn();
  const endLsn = reader.lsn();
  reader.int64(); // when, as the begin said before
  return { kind: 'commit', commitLsn, endLsn };
}

function readLogicalMessage(reader: MessageReader): PgoutputMessage {
  const transactional = (reader.uint8() & 1) === 1;
  reader.lsn();
  const prefix = reader.text();
  return { kind: 'message', transactional, prefix, content: reader.sizedText() };
}

/** The old tuple, or null where a new one (N) follows at once; its tag is consumed either way. */
function readOldTuple(reader: MessageReader): SourceOldTuple | null {
  const tag = reader.tag();
  if (tag === 'N') return null;
  if (tag !== 'K' && tag !== 'O')
    throw new StreamUnreadable(`unknown tuple ${JSON.stringify(tag)}`);
  return { whole: tag === 'O', values: readTuple(reader) };
}

function readTuple(reader: MessageReader): SourceTuple {
  return reader.list(reader.uint16(), () => {
    const kind = reader.tag();
    if (kind === 't') return reader.sizedText();
    if (kind === 'n') return null;
    if (kind === 'u') return undefined;
    throw new StreamUnreadable(`unknown kind of column value ${JSON.stringify(kind)}`);
  });
}

/** Reads one message from its start to its end. */
class MessageReader {
  private at = 0;

  constructor(private readonly buffer: Buffer) {}

  tag(): string {
    return String.fromCharCode(this.uint8());
  }

  expect(tag: string): void {
    const found = this.tag();
    if (found !== tag) throw new StreamUnreadable(`${JSON.stringify(found)} where ${tag} belongs`);
  }

  end(): void {
    const left = this.buffer.length - this.at;
    if (left > 0) throw new StreamUnreadable(`a message is ${left} bytes longer than it says`);
  }

  uint8(): number {
    return this.buffer.readUInt8(this.advance(1));
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.advance(2));
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.advance(4));
  }

  int64(): bigint {
    return this.buffer.readBigInt64BE(this.advance(8));
  }

  lsn(): string {
    return lsnText(this.buffer.readBigUInt64BE(this.advance(8)));
  }

  /** Text that ends with a zero byte. */
  text(): string {
    const end = this.buffer.indexOf(0, this.at);
    if (end < 0) throw new StreamUnreadable('a text in the replication stream has no end');
    const text = this.buffer.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  /** Text that is preceded by its length. */
  sizedText(): string {
    const size = this.uint32();
    const start = this.advance(size);
    return this.buffer.toString('utf8', start, start + size);
  }

  list<T>(length: number, read: () => T): T[] {
    return Array.from({ length }, read);
  }

  private advance(bytes: number): number {
    const start = this.at;
    if (start + bytes > this.buffer.length) throw new StreamUnreadable('a message is cut off');
    this.at += bytes;
    return start;
  }
}
