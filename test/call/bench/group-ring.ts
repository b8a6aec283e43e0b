import { withValue } from '../../../firmware/config/path.ts';
import { startRingdown } from '../../sip/bench/ringdown.ts';
import { numbers } from '../../sip/bench/server.ts';
import { heading } from '../../support/bench-report.ts';
import { childrenOf } from '../../support/children.ts';
import { cpuNs, LOAD_CORE, pin, prefer, preferNoMore, SERVER_CORE, waitedNs } from '../../support/process-cost.ts';
import type { CallLoad } from './call-load.ts';
import { startLoad } from './set-up.ts';

const CALLS_UP = 100;
const MEMBERS = 30;
const GROUPS = 6;
const FIRST_GROUP = 301;
const TIMES = 40;
/** Of the calls that are up, of all groups at once, and some that close meanwhile. */
const MEDIA_PORTS = 4 * CALLS_UP + 4 * GROUPS * (MEMBERS + 1);
/** All of it: a party that is silent for a minute has vanished, and these are. */
const MOST_MS = 40_000;

interface Ringing {
  readonly beganMs: number;
  readonly rung: Set<string>;
  lastMs: number;
  readonly onAll: () => void;
}

/**
 * How long it takes from an INVITE, its challenge included, until the last of 30 devices of a group has its own, with 384 users
 * registered and 100 calls up: one group at a time, then all groups in the same moment.
 */
export async function ringGroups(): Promise<void> {
  const users = numbers();
  const members = (group: number): readonly string[] =>
    users.slice(2 * CALLS_UP + group * MEMBERS, 2 * CALLS_UP + (group + 1) * MEMBERS);
  const callers = users.slice(2 * CALLS_UP + GROUPS * MEMBERS);
  const server = await startRingdown((configuration) => {
    const groups = Array.from({ length: GROUPS }, (_, group) => [
      String(FIRST_GROUP + group),
      {
        ...{ name: `Group ${group}`, mode: 'collective', wrapUpSeconds: 0, noAnswerSeconds: 60 },
        members: members(group).map((user) => ({ user, enabled: true })),
      },
    ]);
    return withValue<unknown>(configuration, ['huntGroups'], Object.fromEntries(groups));
  }, MEDIA_PORTS);
  const load = await startLoad(server);
  try {
    // As it is on the host; and what others do there is not in the times.
    await pin(server.pid, SERVER_CORE, LOAD_CORE);
    for (const pid of [server.pid, ...childrenOf(server.pid), process.pid]) await prefer(pid);
    await load.register();
    // The runtime compiles what it does often.
    await load.run(2000, 16, (index) => ({
      from: users[index % 100] ?? '',
      to: users[100 + (index % 100)] ?? '',
      fate: 'answered',
    }));
    const groupOf = new Map(users.map((user, index) => [user, Math.floor((index - 2 * CALLS_UP) / MEMBERS)] as const));
    const ringing = new Map<number, Ringing>();
    load.fateOf = (message) => (isMember(message, groupOf) ? 'cancelled' : 'answered');
    load.onInvited = (message) => {
      const now = performance.now();
      const user = userOf(message);
      const call = ringing.get(groupOf.get(user) ?? -1);
      if (call === undefined || call.rung.has(user)) return;
      call.rung.add(user);
      call.lastMs = now;
      if (call.rung.size === MEMBERS) call.onAll();
    };
    const ids = await callsUp(load, users);
    const until = performance.now() + MOST_MS;
    const ring = (group: number): Promise<number> =>
      ringOne(load, ringing, callers[group % callers.length] ?? '', group);
    const alone: number[] = [];
    const waited: number[] = [];
    const waitedMs = (): number => (waitedNs(server.pid) + waitedNs(process.pid)) / 1e6;
    const cpuBefore = cpuNs(server.pid);
    for (let time = 0; time < TIMES * GROUPS && performance.now() < until - MOST_MS / 4; time += 1) {
      const before = waitedMs();
      alone.push(await ring(time % GROUPS));
      waited.push(waitedMs() - before);
    }
    const cpuMs = (cpuNs(server.pid) - cpuBefore) / 1e6 / alone.length;
    const together: number[] = [];
    for (let time = 0; time < TIMES && performance.now() < until; time += 1)
      together.push(...(await Promise.all(Array.from({ length: GROUPS }, (_, group) => ring(group)))));
    heading(
      `${users.length} registered, ${CALLS_UP} calls up: from INVITE to the last INVITE of ${MEMBERS} devices, ms`,
    );
    tell('one group at a time (99 of 100 within 50)', alone);
    tell(`${GROUPS} groups in the same moment`, together);
    tell('one at a time: runtime and phones had no core', waited);
    process.stdout.write(`CPU of one at a time, rung and given up, ${CALLS_UP} calls up: ${cpuMs.toFixed(1)} ms\n`);
    const failures = (await Promise.all(ids.map((id) => load.hangUp(id)))).filter((failure) => failure !== undefined);
    if (failures.length > 0) process.stdout.write(`${failures.length} calls that were up are gone: ${failures[0]}\n`);
  } finally {
    await preferNoMore(process.pid);
    await load.close();
    await server.close();
  }
}

async function callsUp(load: CallLoad, users: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: CALLS_UP }, (_, index) => {
      return new Promise<string>((resolve, reject) => {
        const [from = '', to = ''] = [users[index], users[CALLS_UP + index]];
        const id = load.place({ from, to, fate: 'answered', stays: true }, (failure) => {
          if (failure === undefined) resolve(id);
          else reject(new Error(`a call did not come up: ${failure}`));
        });
      });
    }),
  );
}

/** The milliseconds until the last device had its INVITE; resolves once the caller has given up and knows it. */
function ringOne(load: CallLoad, ringing: Map<number, Ringing>, from: string, group: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const beganMs = performance.now();
    const call: Ringing = { beganMs, rung: new Set(), lastMs: beganMs, onAll: () => load.giveUp(id) };
    ringing.set(group, call);
    const id = load.place({ from, to: String(FIRST_GROUP + group), fate: 'cancelled', stays: true }, (failure) => {
      ringing.delete(group);
      if (failure === undefined) resolve(call.lastMs - beganMs);
      else reject(new Error(`group ${group}: ${failure}, ${call.rung.size} rang`));
    });
  });
}

function userOf(message: string): string {
  return /^INVITE sip:(\d+)@/.exec(message)?.[1] ?? '';
}

function isMember(message: string, groupOf: ReadonlyMap<string, number>): boolean {
  const group = groupOf.get(userOf(message)) ?? -1;
  return group >= 0 && group < GROUPS;
}

function tell(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number): string => (sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN).toFixed(1);
  process.stdout.write(`${what.padEnd(46)} median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} of ${sorted.length}\n`);
}
