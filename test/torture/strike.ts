import { until, pause } from '../../demo/story/waiting.js';
import { unreachable } from '../../src/platform/assert.js';
import type { Draw } from './draw.js';
import { patienceMs } from './patience.js';
import type { ServiceProcess } from './service-process.js';
import type { Stage } from './stage.js';
import type { Sent, WireGate } from './wire-gate.js';

const [begins, notes, records] = [
  'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
  'SET transaction_id = $3',
  `UPDATE restore_run_item i SET state = 'applied'`,
];

/** Lays the trap of a draw at the process that works now; resolves when it has sprung. */
export function lay(stage: Stage, draw: Draw, runId: () => string): Promise<void> {
  const { toShop, toOwn } = stage.current;
  const { writeRole } = stage.shop;
  const nth = (times: number, wanted: (sql: string) => boolean) => {
    let left = times;
    return ({ sql, user }: Sent): boolean => user === writeRole && wanted(sql) && (left -= 1) === 0;
  };
  const nthOwn = (wanted: string) => {
    let left = draw.nth;
    return ({ sql }: Sent): boolean => sql.includes(wanted) && (left -= 1) === 0;
  };
  const commits = nth(draw.nth, (sql) => sql === 'COMMIT');
  switch (draw.point) {
    case 'begun':
      return toShop.arm({
        springsAt: nth(draw.nth, (sql) => sql.startsWith(begins)),
        hold: 'before',
      });
    case 'written': {
      const springsAt = nth(draw.nth, (sql) => sql.includes('pg_logical_emit_message'));
      return toShop.arm({ springsAt, hold: 'before' });
    }
    case 'id-answered': {
      const springsAt = nth(draw.nth, (sql) => sql.includes('pg_current_xact_id'));
      return toShop.arm({ springsAt, hold: 'answered' });
    }
    case 'noting':
      return toOwn.arm({ springsAt: nthOwn(notes), hold: 'before' });
    case 'noted':
      return toOwn.arm({ springsAt: nthOwn(notes), hold: 'answered' });
    case 'commit-held':
      return toShop.arm({ springsAt: commits, hold: 'before' });
    case 'commit-sent':
      return toShop.arm({ springsAt: commits, hold: 'after' });
    case 'ack-lost':
      return toShop.arm({ springsAt: commits, hold: 'answered' });
    case 'recording':
      return toShop.arm({ springsAt: commits, hold: 'answered' }).then(() => {
        const recorded = toOwn.arm({
          springsAt: ({ sql }) => sql.includes(records),
          hold: 'before',
        });
        toShop.release();
        return recorded;
      });
    case 'echo-pending':
      // not before the run has begun: a run does not start while the journal is behind
      return toShop
        .watch(
          nth(1, (sql) => sql.startsWith(begins)),
          1,
        )
        .then(() => {
          toShop.hold(({ replicates }) => replicates);
          return applied(stage, runId);
        });
    case 'random':
      return toShop.arm({ springsAt: nth(draw.message, () => true), hold: draw.hold });
    default:
      return unreachable(draw.point);
  }
}

/** An order is written, and its echo is still on the way. */
async function applied(stage: Stage, runId: () => string): Promise<void> {
  const look = async () => {
    // the run writes before its id is told
    if (runId() === '') return undefined;
    const rows = await stage.query(
      `SELECT FROM restore_run_item WHERE run_id = $1 AND state = 'applied' AND echo_position IS NULL`,
      [runId()],
    );
    return rows.length > 0 || undefined;
  };
  await until('an order whose echo has not come', look, { timeoutMs: patienceMs });
}

/** What is still to be done once the run has come to its end. */
export type Aftercare = () => Promise<void>;

/** Strikes the process that was caught in the trap, and has another one take over where it is gone. */
export async function strike(stage: Stage, draw: Draw): Promise<Aftercare> {
  const victim = stage.current;
  const nothing = () => Promise.resolve();
  switch (draw.way) {
    case 'kill':
      await victim.end();
      await stage.takeOver();
      return nothing;
    case 'vanish':
      victim.toShop.abandon();
      await victim.kill();
      await stage.takeOver();
      return nothing;
    case 'stop':
      return stop(stage, draw, victim);
    case 'beside':
      return workBeside(stage, victim);
    case 'cut':
      await cut(draw, { gate: victim.toShop, other: victim.toOwn });
      return nothing;
    case 'cut-own':
      await cut(draw, { gate: victim.toOwn, other: victim.toShop });
      return nothing;
    case 'server':
      await stage.server.kill();
      victim.toShop.cut();
      victim.toOwn.release();
      await stage.server.revive();
      return nothing;
    case 'server-and-kill':
      await Promise.all([stage.server.kill(), victim.kill()]);
      await victim.end();
      await stage.server.revive();
      await stage.takeOver();
      return nothing;
    default:
      return unreachable(draw.way);
  }
}

async function cut(
  { shutMs }: Draw,
  { gate, other }: { gate: WireGate; other: WireGate },
): Promise<void> {
  gate.shut();
  gate.cut();
  other.release();
  await pause(shutMs);
  gate.reopen();
}

/** Another process is at the same run, and the one that was held goes on: both are well, and each thinks it is its turn. */
async function workBeside(stage: Stage, first: ServiceProcess): Promise<Aftercare> {
  await stage.joinBeside();
  const hasHadItsSay = asksForWork(first.toOwn);
  first.toShop.release();
  first.toOwn.release();
  return () => hasHadItsSay;
}

/** It stops where it stands, another one goes on, and it wakes and goes on as if nothing had been. */
async function stop(stage: Stage, draw: Draw, victim: ServiceProcess): Promise<Aftercare> {
  victim.freeze();
  await stage.takeOver();
  const wake = async () => {
    // so often it asks for work anew: what it had in hand is done by then
    const hasHadItsSay = asksForWork(victim.toOwn);
    if (draw.isDelivered) victim.toShop.release();
    else victim.toShop.cut();
    victim.toOwn.release();
    victim.wake();
    await hasHadItsSay;
  };
  if (!draw.wakesEarly) return wake;
  await wake();
  return () => Promise.resolve();
}

function asksForWork(gate: WireGate): Promise<void> {
  return gate.watch(({ sql }) => sql.includes('work_lease'), 40);
}
