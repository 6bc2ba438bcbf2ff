import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { messageOf } from '../../platform/errors.js';
import { within } from '../api-command.js';
import type { CommandContext, Noun, RequestSpec } from '../command.js';
import { refused, usageFailure } from '../failures.js';
import { text, valueAt } from '../output/column.js';

/** A stream of lines may be long, and is answered once it has ended. */
const patienceSeconds = 300;
const request: RequestSpec = { method: 'POST', path: '/order-events', patienceSeconds };

const rejectionColumns = [
  text('line', 'index'),
  text('id', 'id'),
  text('code', 'code'),
  text('what is wrong', 'detail'),
];
const countColumns = ['kept', 'repeated', 'rejected', 'leftOut'].map((name) => text(name, name));

export const orderEvent: Noun = {
  name: 'order-event',
  summary: 'tell what happened to orders of a shop without PostgreSQL',
  commands: [
    {
      usage: 'send <file>',
      summary: 'tell order events: one CloudEvent a line (needs the role ingest)',
      description:
        'Each source and id counts once: what was sent before may be sent again. Lines count from 0; empty ones do not count.',
      examples: ['order-event send events.ndjson', 'order-event send - < events.ndjson'],
      options: [],
      requests: [
        {
          request,
          columns: [
            ...countColumns,
            ...rejectionColumns.map((column) => within('rejections', column)),
          ],
        },
      ],
      run: send,
    },
  ],
};

async function send(context: CommandContext): Promise<void> {
  const { api, out, args } = context;
  const body = Readable.toWeb(await opened(args['file'] ?? '-')) as ReadableStream;
  const answer = await api.json({
    ...{ method: request.method, path: request.path, patienceSeconds },
    raw: { mediaType: 'application/x-ndjson', body },
    // none was taken: it says why of each
    answers: [422],
  });
  if (out.json) out.answer(answer);
  else show(answer, context);
  const rejected = Number(valueAt(answer, 'rejected'));
  if (rejected > 0) throw refused(`${rejected} events were rejected; the others were taken`);
}

function show(answer: unknown, { out }: CommandContext): void {
  const [kept, repeated] = [valueAt(answer, 'kept'), valueAt(answer, 'repeated')];
  out.line(`Kept ${Number(kept)} events; ${Number(repeated)} were known already.`);
  const rejections = valueAt(answer, 'rejections');
  if (Array.isArray(rejections) && rejections.length > 0)
    out.table(rejections, { columns: rejectionColumns, empty: '' });
  const leftOut = Number(valueAt(answer, 'leftOut'));
  if (leftOut > 0) out.line(`${leftOut} more are not listed.`);
}

/** Before anything is asked of the service: a file that cannot be read is a slip of the command. */
async function opened(file: string): Promise<Readable> {
  if (file === '-') return process.stdin;
  try {
    await access(file, constants.R_OK);
    return createReadStream(file);
  } catch (error) {
    throw usageFailure(`cannot read ${file} (${messageOf(error)})`);
  }
}
