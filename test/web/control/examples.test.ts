/** The documentation of the control of telephones: each example is said to a box, and what it says is awaited. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { VERBS } from '../../../firmware/web/control/protocol.ts';
import { type SipOffice, sipOfficeTest } from '../../call/feature/sip-office.ts';
import type { TestPhone } from '../../support/phone/test-phone.ts';
import { OfficeClient } from './control-office.ts';
import type { Told } from './test-client.ts';

const FOLDER = new URL('../../../firmware/web/control/', import.meta.url);
const texts = ['README.md', 'examples.md'].map((name) => readFileSync(new URL(name, FOLDER), 'utf8'));

interface Example {
  readonly title: string;
  readonly lines: readonly string[];
}

/** The blocks that are conversations, by the heading that they stand under. */
const examples: readonly Example[] = texts.flatMap((text) =>
  text.split(/^#+ /m).flatMap((section) =>
    [...section.matchAll(/^```\n([<>-] [\s\S]*?)^```$/gm)].map(([, block = '']) => ({
      title: section.slice(0, section.indexOf('\n')),
      lines: block.trim().split('\n'),
    })),
  ),
);

const OFFICE = { users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } } };
const WORKPLACE = { userAgent: 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)' };

interface Phones {
  readonly desk: TestPhone;
  /** The second line of the desk phone. */
  readonly deskAgain: TestPhone;
  readonly computer: TestPhone;
  readonly ben: TestPhone;
  readonly carla: TestPhone;
}

async function answers(phone: TestPhone): Promise<void> {
  await phone.incomingCall();
  await phone.answer();
}

async function calls(phone: TestPhone, number: string, other: TestPhone): Promise<void> {
  await phone.invite(number);
  await other.incomingCall();
  await Promise.all([other.answer(), phone.answered()]);
}

/** What somebody does meanwhile, in the words of the documentation. */
const DIRECTIONS: Readonly<Record<string, (phones: Phones) => Promise<unknown>>> = {
  '202 calls 201': ({ ben }) => ben.invite('201'),
  '202 and 203 talk': ({ ben, carla }) => calls(ben, '203', carla),
  '202 hangs up': ({ ben }) => ben.cancel(),
  '202 answers': ({ ben }) => answers(ben),
  '203 answers': ({ carla }) => answers(carla),
  '203 rings': ({ carla }) => carla.incomingCall(),
  '201 calls 203 at the desk phone': ({ deskAgain, carla }) => calls(deskAgain, '203', carla),
  '201 calls 202 at the computer': ({ computer, ben }) => calls(computer, '202', ben),
  'the desk phone answers': ({ desk }) => answers(desk),
  'the computer answers': ({ computer }) => answers(computer),
};

/** `a0f2…` stands for a text that is not known before: the same one wherever it stands again. */
class Known {
  readonly #texts = new Map<string, string>();

  /** Whether what was told is what is documented. */
  matches(documented: unknown, told: unknown, known = new Map(this.#texts)): boolean {
    const isSame = matches(documented, told, known);
    if (isSame) for (const [name, text] of known) this.#texts.set(name, text);
    return isSame;
  }

  filled(text: string): string {
    return text.replace(/"([^"]+…)"/g, (_, name: string) => `"${this.#texts.get(name) ?? name}"`);
  }
}

function matches(documented: unknown, told: unknown, known: Map<string, string>): boolean {
  if (typeof documented === 'string' && documented.endsWith('…')) {
    if (documented === '…') return typeof told === 'string' && told !== '';
    const text = known.get(documented);
    if (text !== undefined) return text === told;
    // Two names are two texts.
    if (typeof told !== 'string' || [...known.values()].includes(told)) return false;
    known.set(documented, told);
    return true;
  }
  if (typeof documented !== 'object' || documented === null) return documented === told;
  if (typeof told !== 'object' || told === null) return false;
  const [names, theirs] = [Object.keys(documented), Object.keys(told)];
  return (
    names.length === theirs.length &&
    names.every((name) => {
      const [mine, other] = [documented, told].map((each) => (each as Readonly<Record<string, unknown>>)[name]);
      return name === 'sinceMs' ? typeof mine === typeof other : matches(mine, other, known);
    })
  );
}

async function replay(office: SipOffice, lines: readonly string[]): Promise<void> {
  const hasLogin = lines.some((line) => line.includes('"verb":"login"'));
  // What a telephone does by itself for a session that shows no more of it than this.
  const incoming = hasLogin ? ({ incoming: 'answer' } as const) : {};
  const others = lines.some((line) => line.includes('computer') || line.includes('virtual-desktop'));
  const answersItself = lines.some((line) => line.includes('"conference"')) ? ({ incoming: 'answer' } as const) : {};
  const desk = await office.phone('201', { ...incoming, ...answersItself });
  const phones: Phones = {
    desk,
    deskAgain: lines.some((line) => line.includes('"conference"')) ? await office.phone('201', {}, '201 0') : desk,
    computer: others ? await office.phone('201', WORKPLACE) : desk,
    ben: await office.phone('202', incoming),
    carla: await office.phone('203'),
  };
  const client = new OfficeClient(office);
  if (!hasLogin) {
    await client.login('201');
    client.told.length = 0;
  }
  const known = new Known();
  const unread: Told[] = client.told;
  for (const line of lines) {
    const said = line.slice(2);
    if (line.startsWith('- ')) {
      const direction = DIRECTIONS[said];
      if (direction === undefined) throw new Error(`nobody knows how: ${said}`);
      await direction(phones);
    } else if (line.startsWith('> ')) {
      const request = JSON.parse(known.filled(said)) as { readonly verb: string };
      client.session.receive(JSON.stringify(request.verb === 'login' ? { ...request, ...client.proof } : request));
      // The phone is called anew, and answers by itself.
      if (request.verb === 'answer' && !lines.some((each) => each.includes('other-phone'))) {
        await desk.incomingCall();
        await desk.ended();
        await answers(desk);
      }
    } else {
      const documented = JSON.parse(said);
      const isTold = (): boolean => {
        // What users do is told together.
        if (documented.event === 'users') office.clock.advance(250);
        const at = unread.findIndex((each) => known.matches(documented, each));
        if (at >= 0) unread.splice(at, 1);
        return at >= 0;
      };
      await office.until(isTold, line).catch((error: unknown) => {
        throw new Error(`${line} was not told, but ${JSON.stringify(unread)}`, { cause: error });
      });
    }
  }
}

for (const { title, lines } of examples) {
  sipOfficeTest(`the documentation holds: ${title}`, OFFICE, async (t, office) => {
    await replay(office, lines);
    t.pass('every line was said, and answered');
  });
}

t.test('there is an example of each verb, and a row of each that the box carries out', async (t) => {
  const said = examples.flatMap(({ lines }) => lines.filter((line) => line.startsWith('> ')));
  const shown = new Set(said.map((line) => (JSON.parse(line.slice(2)) as { readonly verb: string }).verb));
  for (const verb of VERBS) t.ok(shown.has(verb), verb);
  const rows = [...(texts[0]?.matchAll(/^\| `([a-z]+)`/gm) ?? [])].map(([, verb]) => verb);
  const isRefused = (verb: string): boolean => ['login', 'mode', 'mute', 'unmute', 'video', 'add'].includes(verb);
  for (const verb of VERBS) t.ok(isRefused(verb) || rows.includes(verb), `a row of ${verb}`);
  t.equal(examples.length, 9);
});
