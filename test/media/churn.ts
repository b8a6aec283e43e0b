/**
 * Sessions that are opened, used and closed through a client, several at a time: talk in every pair of codecs, some of it
 * secured, sessions of one leg that are joined and parted, conferences, what is played, digits, recordings. And what a process
 * holds before and after.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LegIndex, LegParameters, MediaClient, MediaConference } from '../../firmware/media/client.ts';
import { toneOf } from '../../firmware/media/tones.ts';
import { TICKS_PER_MS } from '../support/encode.ts';
import { G722, G726, G729, OPUS, PCMA, PCMU } from './conversation.ts';
import { encodeRtp } from './party.ts';

export interface Churn {
  readonly client: MediaClient;
  readonly address: string;
  /** For recordings, which are removed again. */
  readonly folder: string;
  /** So many at a time. */
  readonly together: number;
}

const CODECS = [PCMA, PCMU, G729, G722, G726, OPUS] as const;
const BYTES_OF_20_MS = { PCMA: 160, PCMU: 160, G729: 20, G722: 160, G726: 80, OPUS: 40 } as const;
/** How a packet of Opus begins that is one frame of 20 ms (RFC 6716 §3.1). */
const OPUS_FRAME = 0x48;
const PACKETS = 3;
/** So many sessions, one after another, have a conference. */
const CONFERENCE_SESSIONS = 100;
const UNLIMITED = Number.MAX_SAFE_INTEGER;
const KEY = Buffer.alloc(30, 7).toString('base64');

/** Somebody who speaks, and does not care what he hears. */
async function openParty(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', () => undefined);
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

function parametersOf(address: string, port: number, number: number, leg: LegIndex): LegParameters {
  const codec = CODECS[(leg === 0 ? number : Math.floor(number / CODECS.length)) % CODECS.length] ?? PCMA;
  // One leg of some calls is secured: what is said on it goes nowhere, since nobody here has the key.
  const secured = number % 10 === 7 && leg === 1;
  return {
    remoteAddress: address,
    remotePort: port,
    direction: 'sendrecv',
    ...codec,
    ...(number % 3 === 0 ? { detectDigits: true } : { telephoneEventPayloadType: 101 }),
    ...(number % 5 === 0 ? { silenceMs: 5000 } : {}),
    ...(secured ? { srtp: { suite: 'AES_CM_128_HMAC_SHA1_80', receiveKey: KEY, sendKey: KEY } } : {}),
  };
}

/** `count` sessions, the first of which has the number `first`; each is over when this resolves. */
export async function churn({ client, address, folder, together }: Churn, first: number, count: number): Promise<void> {
  const party = await openParty(address);
  const { port } = party.address();
  let conference: MediaConference | undefined;
  let next = first;

  const talk = (number: number, leg: LegIndex, to: number): void => {
    const { payloadType, codec } = parametersOf(address, port, number, leg);
    for (let at = 0; at < PACKETS; at += 1) {
      const payload = Buffer.alloc(BYTES_OF_20_MS[codec], number);
      if (codec === 'OPUS') payload[0] = OPUS_FRAME;
      const timestamp = 20 * TICKS_PER_MS[codec] * at;
      const packet = { marker: at === 0, payloadType, sequenceNumber: at, timestamp, ssrc: leg + 1, payload };
      party.send(encodeRtp(packet), to, address);
    }
  };

  /** As the call server does it: a session for each party, joined, and some of them parted again. */
  const liveJoined = async (number: number): Promise<void> => {
    const [first, second] = [await client.openSession([address]), await client.openSession([address])];
    await Promise.all([
      first.configure(0, parametersOf(address, port, number, 0)),
      second.configure(0, parametersOf(address, port, number, 1)),
    ]);
    await first.join(second);
    talk(number, 0, first.ports[0]);
    talk(number, 1, second.ports[0]);
    if (number % 32 === 2) await second.part();
    await Promise.all([first.close(), second.close()]);
  };

  const live = async (number: number): Promise<void> => {
    if (number % 8 === 2) {
      await liveJoined(number);
      return;
    }
    const session = await client.openSession([address, address]);
    await Promise.all([
      session.configure(0, parametersOf(address, port, number, 0)),
      session.configure(1, parametersOf(address, port, number, 1)),
    ]);
    const name = `${number}.wav`;
    let recorded: Promise<unknown> | undefined;
    if (number % 8 === 3) {
      recorded = new Promise((resolve) => {
        const limits = { maxBytes: UNLIMITED, maxFolderBytes: UNLIMITED };
        session.record({ folder, name, who: 'both', channels: 1, ...limits, onEnded: resolve }).catch(resolve);
      });
    }
    if (number % 8 === 5) await session.play(1, { kind: 'tone', tone: toneOf('en-GB', 'busy') });
    if (number % 8 === 6) await conference?.join({ session: session.id, leg: number % 2 === 0 ? 0 : 1 });
    if (number % 8 === 7) await session.sendDigits(0, '12#', { durationMs: 40, pauseMs: 40 });
    talk(number, 0, session.ports[0]);
    talk(number, 1, session.ports[1]);
    if (number % 16 === 1) await session.statistics();
    await session.close();
    if (recorded === undefined) return;
    await recorded;
    rmSync(join(folder, name), { force: true });
  };

  const run = async (): Promise<void> => {
    while (next < first + count) {
      const number = next;
      next += 1;
      if (number % CONFERENCE_SESSIONS === 0) {
        const before = conference;
        conference = await client.createConference({ speakers: 2 });
        await before?.close();
      }
      await live(number);
    }
  };
  await Promise.all(Array.from({ length: together }, run));
  await conference?.close();
  party.close();
}

export interface Holdings {
  readonly files: number;
  readonly threads: number;
  /** Of memory that is no file, bytes. */
  readonly anonymous: number;
}

/** What a process holds now. */
export function holdingsOf(pid: number): Holdings {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return {
    files: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    anonymous: Number(/^Anonymous:\s+(\d+)/m.exec(rollup)?.[1]) * 1024,
  };
}
