/** Somebody wants the demo to end before its story does. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/**
 * Aborted by Ctrl-C, by a terminal that is closed, and when nobody reads what is told any more (as
 * behind `head`). From the first moment on these end nothing by themselves: whoever holds the signal
 * ends the shop and Reinstate in order, however often it is asked for.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort(new Interrupted('interrupted'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', interrupt);
  return controller.signal;
}

/** The work's outcome, or the reason of the abort if that comes first; what is done meanwhile is dropped. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let listener: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    listener = () => reject(signal.reason as Error);
    if (signal.aborted) listener();
    signal.addEventListener('abort', listener, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', listener);
  }
}
