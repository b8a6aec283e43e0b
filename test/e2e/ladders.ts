import type { Test } from 'tap';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { outputOf } from '../support/process-output.ts';
import type { Office } from './office.ts';
import { PROGRAM, Trace } from './running-trace.ts';

/** Of a ladder (call-ladder.ts): the time before the lines, and from one line to the next. */
const MARGIN = 14;
const GAP = 24;
const WAIT_MS = 20_000;

/** Compares what `ringdown trace` draws with what the phones themselves say that they sent and received. */
export class Ladders {
  readonly #trace: Trace;

  private constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Follows all messages of the box. `phone` registers until it is seen. */
  static async follow({ ringdown }: Office, phone: TestPhone): Promise<Ladders> {
    const trace = new Trace('--json', '--data', ringdown.dataDirectory);
    while (trace.text === '') await phone.register();
    return new Ladders(trace);
  }

  /** The ladder of what came and went since then names each phone, with an arrow for each of its messages and no other. */
  async show(t: Test, title: string, phones: readonly TestPhone[], sinceMs: number): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      const ladder = await this.#draw(sinceMs);
      const arrows = arrowsOf(ladder);
      const drawn = Object.fromEntries(phones.map((phone) => [nameOf(phone), arrows.get(nameOf(phone)) ?? []]));
      const said: Record<string, readonly string[]> = {};
      for (const phone of phones) said[nameOf(phone)] = await messagesOf(phone, sinceMs);
      const isSame = JSON.stringify(drawn) === JSON.stringify(said);
      // Its last messages may be on their way.
      if (!isSame && performance.now() < deadline) continue;
      t.same(drawn, said, `${title}: the ladder has the messages of each phone, and no other`);
      t.match(ladder, / INVITE \S+ sdp /, `${title}: the ladder has the call`);
      return;
    }
  }

  end(): Promise<unknown> {
    return this.#trace.interrupt();
  }

  async #draw(sinceMs: number): Promise<string> {
    const isNew = (line: string): boolean => (JSON.parse(line) as { readonly atMs: number }).atMs >= sinceMs;
    const lines = this.#trace.text.split('\n').slice(0, -1).filter(isNew);
    const saved = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    return (await outputOf(PROGRAM, ['trace', '--read', '-', '--ladder'], saved)).toString('utf8');
  }
}

/** As the heading of a ladder has it. */
function nameOf({ contactUri }: TestPhone): string {
  return /@([^;>]+)/.exec(contactUri)?.[1] ?? contactUri;
}

/** `received INVITE`, `sent 200`, in alphabetical order. */
async function messagesOf(phone: TestPhone, sinceMs: number): Promise<readonly string[]> {
  const entries = (await phone.transcript()).matchAll(
    /^\[\S+ (\S+) (sent|received)[^\]]*\]\n(?:SIP\/2\.0 (\d{3})|([A-Z]+)) /gm,
  );
  return [...entries]
    .flatMap(([, at = '', direction, status, method]) =>
      Date.parse(at) >= sinceMs ? [`${direction} ${status ?? method}`] : [],
    )
    .sort();
}

/** The same of a ladder, by the names in its heading. */
function arrowsOf(ladder: string): ReadonlyMap<string, readonly string[]> {
  const arrows = new Map<string, string[]>();
  let names: readonly string[] = [];
  for (const line of ladder.split('\n')) {
    const drawn = line.slice(MARGIN);
    if (line.startsWith(' '.repeat(MARGIN)) && !drawn.startsWith('|')) names = drawn.trim().split(/ +/);
    // The box has the second line; who called first the one left of it.
    const [start] = [0, GAP].filter((at) => /^\|<?- /.test(drawn.slice(at)));
    if (start === undefined || !/^\d/.test(line)) continue;
    const name = names[start === 0 ? 0 : drawn.indexOf('|', GAP + 1) / GAP] ?? '';
    const [, back, what] = /^\|(<?)- (\S+)/.exec(drawn.slice(start)) ?? [];
    const isSent = (back === '') === (start === 0);
    arrows.set(name, [...(arrows.get(name) ?? []), `${isSent ? 'sent' : 'received'} ${what}`].sort());
  }
  return arrows;
}
