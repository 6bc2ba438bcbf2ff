import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from './command.js';
import { LocalPostgresError } from './failure.js';

/** A user of the operating system, as whom the server runs when we are root. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const ownUserName = 'reinstate-postgres';
/** Where no user can be made: one that is meant for PostgreSQL first, then the one meant for nothing. */
const standInNames = ['postgres', 'nobody'];

/** PostgreSQL refuses to run as root, so root needs another user for it. */
export function weAreRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** The user for a new cluster made by root: our own system user, made on first use; else one that is there. */
export async function chooseServerUser(say: (line: string) => void): Promise<SystemUser> {
  const existing = await findUser(ownUserName);
  if (existing) return existing;
  if (await makeUser()) {
    const made = await findUser(ownUserName);
    if (made) {
      say(`PostgreSQL does not run as root: made the system user ${made.name} for it.`);
      return made;
    }
  }
  for (const name of standInNames) {
    const standIn = await findUser(name);
    if (standIn && standIn.uid !== 0) {
      say(`PostgreSQL does not run as root: it runs as the existing user ${name}.`);
      return standIn;
    }
  }
  throw new LocalPostgresError({
    what: 'No user to run PostgreSQL as',
    why: `PostgreSQL refuses to run as root, useradd made no user, and none of ${standInNames.join(', ')} exists.`,
    wayOut: `Make a system user named ${ownUserName}, or run this as an ordinary user.`,
  });
}

async function makeUser(): Promise<boolean> {
  const description = [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
  ];
  const shell = ['--shell', '/usr/sbin/nologin'];
  // another process may hold the lock of the user list, or be making the same user right now
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const made = await runCommand('useradd', [...description, ...shell, ownUserName], {
      user: undefined,
    });
    if (made.code === 0) return true;
    if (made.code === undefined) return false;
    if (await findUser(ownUserName)) return true;
    await sleep(200);
  }
  return false;
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  const uid = await numberFrom(['-u', name]);
  const gid = await numberFrom(['-g', name]);
  return uid === undefined || gid === undefined ? undefined : { name, uid, gid };
}

async function numberFrom(args: string[]): Promise<number | undefined> {
  const { code, output } = await runCommand('id', args, { user: undefined });
  const number = Number.parseInt(output, 10);
  return code === 0 && Number.isSafeInteger(number) ? number : undefined;
}

/** The user who owns something already, as whom an existing cluster must go on running. */
export async function userWithId(ids: { uid: number; gid: number }): Promise<SystemUser> {
  const { code, output } = await runCommand('id', ['-un', String(ids.uid)], { user: undefined });
  return { ...ids, name: code === 0 ? output.trim() : `number ${ids.uid}` };
}

/** Whether the user can enter a directory, tried rather than computed: lists and modules count, too. */
export async function canEnter(user: SystemUser, directory: string): Promise<boolean> {
  const entered = await runCommand('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], { user });
  return entered.code === 0;
}
