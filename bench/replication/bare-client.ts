import { LogicalReplicationService, Pgoutput, PgoutputPlugin } from 'pg-logical-replication';

export interface Following {
  /** connection URL of a role that may replicate */
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
}

/** Reads a slot with pgoutput, and does nothing of its own with what comes. Gives the way to stop. */
export function follow(
  { url, slot, publication }: Following,
  each: (message: Pgoutput.Message) => void,
): { ended: Promise<unknown>; stop: () => Promise<void> } {
  const service = new LogicalReplicationService(
    { connectionString: url },
    { acknowledge: { auto: false, timeoutSeconds: 10 } },
  );
  const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: [publication] });
  service.on('data', (_lsn: string, message: Pgoutput.Message) => each(message));
  // the subscription's own promise tells of it
  service.on('error', () => undefined);
  return {
    ended: service.subscribe(plugin, slot),
    stop: async () => {
      await service.stop();
    },
  };
}

/** Whether the message is a row that was changed. */
export function isChange({ tag }: Pgoutput.Message): boolean {
  return tag === 'insert' || tag === 'update' || tag === 'delete';
}
