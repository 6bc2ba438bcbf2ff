/** One server-sent event. */
export interface StreamEvent {
  /** `message` where the service names none */
  readonly event: string;
  readonly data: string;
  /** what to send as `Last-Event-ID` to go on after this event */
  readonly id: string | undefined;
}

/** Cuts a stream of text into server-sent events, as the WHATWG HTML standard describes them; comments are left out. */
export async function* eventsOf(chunks: AsyncIterable<string>): AsyncGenerator<StreamEvent> {
  let rest = '';
  for await (const chunk of chunks) {
    const blocks = (rest + chunk).replaceAll('\r\n', '\n').split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = eventOf(block);
      if (event !== undefined) yield event;
    }
  }
}

function eventOf(block: string): StreamEvent | undefined {
  const fields = block.split('\n').map((line) => /^([^:]*)(?:: ?(.*))?$/.exec(line));
  const valuesOf = (name: string) =>
    fields.filter((field) => field?.[1] === name).map((field) => field?.[2] ?? '');
  const data = valuesOf('data');
  if (data.length === 0) return undefined;
  const id = valuesOf('id').at(-1);
  return { event: valuesOf('event').at(-1) ?? 'message', data: data.join('\n'), id };
}
