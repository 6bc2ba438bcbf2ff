import { readFile } from 'node:fs/promises';
import { runCli } from './cli/run-cli.js';
import { readCliEnvironment } from './config/cli-environment.js';

/** The command line: `npx reinstate ...`. docs/cli.md says what it can do and how it ends. */
async function main(): Promise<void> {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  // whoever reads the answer may have seen enough, as `head` has
  process.stdout.on('error', () => process.exit(0));
  process.exitCode = await runCli(process.argv.slice(2), {
    environment: readCliEnvironment(),
    version: await packageVersion(),
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    isWatched: process.stderr.isTTY,
    signal: interrupt.signal,
  });
}

/** From package.json, which stands one folder up from the sources and two from the build. */
async function packageVersion(): Promise<string> {
  const places = ['../package.json', '../../package.json'].map(
    (path) => new URL(path, import.meta.url),
  );
  const text = await Promise.any(places.map((place) => readFile(place, 'utf8')));
  return (JSON.parse(text) as { version: string }).version;
}

main().catch((error: unknown) => {
  process.stderr.write(
    `reinstate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
