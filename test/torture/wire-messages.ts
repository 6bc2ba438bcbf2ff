/** One message of PostgreSQL's protocol as it came: its type (empty for the first of a session) and its bytes. */
export interface WireMessage {
  readonly type: string;
  readonly bytes: Buffer;
}

/** Cuts a stream of bytes into the protocol's messages, one side of one session. */
export class MessageReader {
  private rest = Buffer.alloc(0);

  /** `opens` where the stream begins with a message that has no type: a client's does. */
  constructor(private opens: boolean) {}

  read(data: Buffer): WireMessage[] {
    this.rest = Buffer.concat([this.rest, data]);
    const messages: WireMessage[] = [];
    for (;;) {
      const head = this.opens ? 0 : 1;
      if (this.rest.length < head + 4) return messages;
      const length = head + this.rest.readInt32BE(head);
      if (this.rest.length < length) return messages;
      const bytes = this.rest.subarray(0, length);
      messages.push({ type: this.opens ? '' : String.fromCharCode(bytes[0] ?? 0), bytes });
      this.rest = this.rest.subarray(length);
      this.opens = false;
    }
  }
}

/** What a client says in its first message: name and value pairs such as user and replication. */
export function openingOf({ bytes }: WireMessage): Record<string, string> {
  // behind its length and the protocol's version
  const parts = bytes.subarray(8).toString('latin1').split('\0');
  const said: Record<string, string> = {};
  for (let place = 0; place + 1 < parts.length; place += 2) {
    const name = parts[place] ?? '';
    if (name !== '') said[name] = parts[place + 1] ?? '';
  }
  return said;
}

/** Tells which SQL a client's messages carry, one session's: once for each statement that is to be carried out. */
export class SqlReader {
  private readonly texts = new Map<string, string>();
  private fresh: string | undefined;

  /** Of a simple query, of a statement that is parsed, or of one that is bound again by the name it was given. */
  read({ type, bytes }: WireMessage): string | undefined {
    if (type === 'Q') return bytes.subarray(5, bytes.length - 1).toString('utf8');
    if (type !== 'P' && type !== 'B') return undefined;
    const [first = '', second = ''] = bytes.subarray(5).toString('utf8').split('\0');
    if (type === 'P') {
      this.texts.set(first, second);
      this.fresh = first;
      return second;
    }
    const wasTold = this.fresh === second;
    this.fresh = undefined;
    return wasTold ? undefined : this.texts.get(second);
  }
}
