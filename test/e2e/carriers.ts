import { notedControlPath, requestCommand } from '../../firmware/console/control.ts';
import type { PhoneOptions } from '../support/phone/phone.ts';
import type { TestPhone } from '../support/phone/test-phone.ts';
import type { Office } from './office.ts';
import { configure } from './sipp-bench.ts';

const WAIT_MS = 15_000;
/** Whose number the phones that play carriers call from. */
export const OUTSIDE = '442071234567';

export interface LineState {
  readonly line: string;
  readonly state: string;
  readonly reason: string;
  readonly incoming: number;
  readonly outgoing: number;
}

/** What a command inside the running box prints. */
export async function ask({ ringdown }: Office, words: readonly string[], input = ''): Promise<string> {
  const path = notedControlPath(ringdown.dataDirectory) ?? '';
  const { status, output, errors } = await requestCommand(path, words, input);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${errors}`);
  return output;
}

export async function lines(office: Office): Promise<readonly LineState[]> {
  const output = await ask(office, ['lines', 'list', '--json']);
  return output
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as LineState);
}

/** Waits until every line of the box is as `is` wants it, and there are `count` at least. */
export async function everyLine(office: Office, is: (line: LineState) => boolean, count = 1): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const all = await lines(office);
    if (all.length >= count && all.every(is)) return;
    if (performance.now() > deadline) throw new Error(`the lines are not as they should: ${JSON.stringify(all)}`);
  }
}

export const isFree = ({ incoming, outgoing }: LineState): boolean => incoming + outgoing === 0;

/** How a phone plays a carrier, and what its line has beside the way to it. */
export interface CarrierOptions extends Partial<PhoneOptions> {
  readonly line?: object;
}

/** Carriers on lines 1, 2 and so on, with which the box has registered. */
export async function carriers<const Options extends readonly CarrierOptions[]>(
  office: Office,
  ...options: Options
): Promise<{ readonly [Index in keyof Options]: TestPhone }> {
  const phones: TestPhone[] = [];
  for (const [index, each] of options.entries()) phones.push(await openCarrier(office, index + 1, each));
  await everyLine(office, ({ state }) => state === 'in-service', options.length);
  return phones as unknown as { readonly [Index in keyof Options]: TestPhone };
}

/** One more, on that line, whatever becomes of it. */
export async function openCarrier(
  office: Office,
  number: number,
  { line, ...options }: CarrierOptions,
): Promise<TestPhone> {
  const domain = 'carrier.example';
  const phone = await office.phone('201', { isRegistrar: true, user: OUTSIDE, domain, ...options });
  const [, port] = /:(\d+)(?:;|$)/.exec(phone.contactUri) ?? [];
  const way = { domain, proxy: '127.0.0.1', port: Number(port), transport: options.transport ?? 'udp' };
  const settings = { ...way, userName: `4930555${number - 1}`, incomingGroup: 7, ...line };
  await configure(office.ringdown, [`lines.${number}`, JSON.stringify(settings)]);
  return phone;
}
