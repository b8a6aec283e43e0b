import { setTimeout as wait } from 'node:timers/promises';
import type { Box } from '../support/qemu.ts';

/** What the box says on its serial line, and what a technician types: the one place in the tests with these words. */

const PROMPT = 'ringdown> ';
const LOGIN = 'ringdown login: ';
/** QEMU is software emulation on a machine with other things to do. */
const BOOT_TIMEOUT_MS = 180_000;
const ANSWER_TIMEOUT_MS = 60_000;
/** The box makes its keys and certificates only once it serves phones, and an emulated one is slow at that. */
const CERTIFICATE_TIMEOUT_MS = 240_000;
/** Each answer costs the box processor time that it needs for what is waited for. */
const ASK_AGAIN_MS = 500;

export interface LanAddresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The first login of a new box, which sets the console's password. */
export async function logInFirst({ serial }: Box, password: string): Promise<void> {
  await serial.waitFor(LOGIN, BOOT_TIMEOUT_MS);
  serial.send('admin');
  await serial.waitFor(/New password[^\n]*: /, ANSWER_TIMEOUT_MS);
  serial.send(password);
  await serial.waitFor('Again: ', ANSWER_TIMEOUT_MS);
  serial.send(password);
  await serial.waitFor('The password is set.', ANSWER_TIMEOUT_MS);
  await serial.waitFor(PROMPT, ANSWER_TIMEOUT_MS);
}

/** A later login. Resolves with whether the box let us in. */
export async function logIn({ serial }: Box, password: string): Promise<boolean> {
  await serial.waitFor(LOGIN, BOOT_TIMEOUT_MS);
  serial.send('admin');
  await serial.waitFor('Password: ', ANSWER_TIMEOUT_MS);
  serial.send(password);
  const [answer] = await serial.waitFor(/Login incorrect|ringdown> /, ANSWER_TIMEOUT_MS);
  return answer === PROMPT;
}

export async function logOut({ serial }: Box): Promise<void> {
  serial.send('logout');
}

/** Types a command at the prompt and returns what the box answers. */
export function command({ serial }: Box, line: string): Promise<string> {
  return serial.command(line, PROMPT, ANSWER_TIMEOUT_MS);
}

/** Types a command that asks for a secret, and the secret twice; what the box answers. */
export async function typeHidden({ serial }: Box, line: string, secret: string): Promise<string> {
  serial.send(line);
  await serial.waitFor('Value: ', ANSWER_TIMEOUT_MS);
  serial.send(secret);
  await serial.waitFor('Again: ', ANSWER_TIMEOUT_MS);
  return serial.command(secret, PROMPT, ANSWER_TIMEOUT_MS);
}

/** Types a command that reads a file, and pastes the file. */
export async function paste({ serial }: Box, line: string, file: readonly string[]): Promise<string> {
  serial.send(line);
  await serial.waitFor('alone:', ANSWER_TIMEOUT_MS);
  for (const each of file) serial.send(each);
  return serial.command('.', PROMPT, ANSWER_TIMEOUT_MS);
}

/** The addresses of LAN1 and LAN2, as the command `network` shows them. */
export async function lanAddresses(box: Box): Promise<{ readonly lan1: LanAddresses; readonly lan2: LanAddresses }> {
  const text = await command(box, 'network');
  const read = (name: string): LanAddresses => {
    const match = new RegExp(`^${name} ([0-9.]+)/[0-9]+ ([0-9a-f:]+)/[0-9]+`, 'm').exec(text);
    if (match === null) throw new Error(`${name} has no two addresses in:\n${text}`);
    return { ipv4: match[1] ?? '', ipv6: match[2] ?? '' };
  };
  return { lan1: read('LAN1'), lan2: read('LAN2') };
}

/** Waits until the runtime takes commands: the console is there before it, and long before it on a slow box. */
async function answers(box: Box): Promise<void> {
  const deadline = performance.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    const text = await command(box, 'status');
    if (!text.includes('does not answer')) return;
    if (performance.now() > deadline) throw new Error(`the runtime does not answer:\n${text}`);
    await wait(ASK_AGAIN_MS);
  }
}

/** Adds an extension and returns the password that the console shows once. */
export async function addExtension(box: Box, number: string, name: string): Promise<string> {
  await answers(box);
  const text = await command(box, `extension add ${number} --name ${name}`);
  const password = /^Password: (\S+)/m.exec(text)?.[1];
  if (password === undefined) throw new Error(`no password in:\n${text}`);
  return password;
}

export interface Status {
  readonly text: string;
  readonly calls: number;
  readonly devices: number;
  readonly mediaSessions: number;
  readonly uptimeSeconds: number;
}

/** What the command `status` shows. */
export async function status(box: Box): Promise<Status> {
  const text = await command(box, 'status');
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const uptime = /running for (?:([0-9]+) h )?(?:([0-9]+) min )?([0-9]+) s/.exec(text);
  const [hours = 0, minutes = 0, seconds = Number.NaN] = (uptime ?? []).slice(1).map((part) => Number(part ?? 0));
  return {
    text,
    calls: number(/^([0-9]+) calls?$/m),
    devices: number(/^([0-9]+) registered devices?$/m),
    mediaSessions: number(/^Media: .*?([0-9]+) sessions?/m),
    uptimeSeconds: 3600 * hours + 60 * minutes + seconds,
  };
}

/** Waits until the box has its certificate, which takes it seconds at first, and serves SIP over TLS on these addresses. */
export async function servesTls(box: Box, addresses: readonly string[]): Promise<void> {
  const deadline = performance.now() + CERTIFICATE_TIMEOUT_MS;
  const isServed = (text: string, address: string): boolean =>
    text.includes(`tls ${address.includes(':') ? `[${address}]` : address}:`);
  for (;;) {
    const { text } = await status(box);
    const missing = addresses.filter((address) => !isServed(text, address));
    if (missing.length === 0) return;
    if (performance.now() > deadline) throw new Error(`no SIP over TLS on ${missing.join(', ')}:\n${text}`);
    await wait(ASK_AGAIN_MS);
  }
}

/** Switches the box off as its owner would, and waits for the end. */
export async function powerOff(box: Box): Promise<void> {
  box.serial.send('poweroff');
  await box.serial.waitFor('[y/N] ', ANSWER_TIMEOUT_MS);
  box.serial.send('y');
  await box.ended(ANSWER_TIMEOUT_MS);
}

/** Kernel parameter that starts a bare Node HTTP server on LAN1 in place of the box: the yardstick of the boot time. */
export const BARE_NODE = 'init=/usr/lib/board/init/bare-node';
export const BARE_NODE_URL = 'http://192.168.42.1/';
/** LAN1, known before the console shows it. */
export const LAN1_IPV4 = '192.168.42.1';
