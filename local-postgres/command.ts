import { spawn } from 'node:child_process';

export interface CommandOptions {
  /** run as this user; absent: as ourselves */
  user: { readonly uid: number; readonly gid: number } | undefined;
  directory?: string;
}

export interface CommandResult {
  /** 0 for success; undefined when the program could not be run or was killed */
  code: number | undefined;
  /** both output streams, in the order they came */
  output: string;
}

/**
 * Runs one program to its end, in a session of its own: a Ctrl-C in the terminal is for us to hear, who then end
 * things in order, and it ends its work when we die. Never throws: a program that cannot be run is a result
 * without a code.
 */
export async function runCommand(
  program: string,
  args: string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return await new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.directory ?? '/',
      env: plainEnvironment(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.user && { uid: options.user.uid, gid: options.user.gid }),
    });
    let output = '';
    const collect = (chunk: Buffer): void => void (output += chunk.toString('utf8'));
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: undefined, output: output + error.message }));
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? undefined,
        output: signal ? `${output}\nended by ${signal}` : output,
      }),
    );
  });
}

/**
 * The environment of the server and its tools: fixed language and time zone, and nothing of ours, so that
 * no PG* variable bends the server and no secret of this process can be read from the server's.
 */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];
  const values = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(values), LC_ALL: 'C', TZ: 'UTC' };
}
