/**
 * Why a start failed, as far as it decides what to do next: `busy` passes by itself (the workers of a killed
 * server are still going), `port-taken` asks for another port, `fault` needs a person.
 */
export type StartFailure = 'busy' | 'port-taken' | 'fault';

/** Judged by what pg_ctl and the server said; both speak English, since we set the language. */
export function judgeStartFailure(said: string): StartFailure {
  if (/could not bind|Address already in use|could not create any TCP\/IP sockets/.test(said)) {
    return 'port-taken';
  }
  if (/pre-existing shared memory block|lock file "[^"]*" already exists/.test(said)) return 'busy';
  return 'fault';
}
