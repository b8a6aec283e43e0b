import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { atExit } from '../support/cleanup.ts';
import { reservePort } from '../support/free-ports.ts';
import { Ringdown, runRingdown } from '../support/ringdown.ts';
import type { SippResult } from '../support/sipp.ts';
import { type RunOptions, SippDevice } from '../support/sipp-device.ts';

/** A transport over one of the two families. */
export interface Way {
  readonly name: string;
  readonly via: 'UDP' | 'TCP' | 'TLS';
  readonly address: string;
  /** The middle digit of the extensions that are used over it and no other. */
  readonly digit: number;
}

export const WAYS: readonly Way[] = (['UDP', 'TCP', 'TLS'] as const).flatMap((via, index) => [
  { name: `${via} over IPv4`, via, address: '127.0.0.1', digit: 2 * index + 1 },
  { name: `${via} over IPv6`, via, address: '::1', digit: 2 * index + 2 },
]);

/** Of each way: the one who calls, the one who is called, and others for what those must not be. */
const ROLES = ['caller', 'callee', 'third', 'fourth'] as const;
export type Role = (typeof ROLES)[number];

/** A running box with four extensions for each way, which all rules of a file share. */
export class SippBench {
  readonly ringdown: Ringdown;
  /** What vouches for the box, in PEM. */
  readonly authority: string;
  readonly #passwords: ReadonlyMap<string, string>;
  readonly #devices = new Map<string, Promise<SippDevice>>();
  readonly #releases: (() => void)[] = [];

  private constructor(ringdown: Ringdown, authority: string, passwords: ReadonlyMap<string, string>) {
    this.ringdown = ringdown;
    this.authority = authority;
    this.#passwords = passwords;
  }

  /** `settings`: paths and values of the configuration, by turns. */
  static async open(settings: readonly string[] = []): Promise<SippBench> {
    const ringdown = await Ringdown.create();
    try {
      // Makes the data directory.
      await ringdown.addExtension('199', 'Nobody', 'only-for-tests-199');
      const passwords = await addExtensions(ringdown);
      // Scenarios know of no re-INVITE but their own, unless they are about it.
      await configure(ringdown, ['system.media.directMedia', 'false', ...settings]);
      await ringdown.start();
      const url = `http://127.0.0.1:${ringdown.ports.http}/WebRootCA.pem`;
      const authority = await (await fetch(url, { signal: AbortSignal.timeout(10_000) })).text();
      return new SippBench(ringdown, authority, passwords);
    } catch (error) {
      await ringdown.close();
      throw error;
    }
  }

  /** The device of that role; the first time it makes the box offer it MD5 alone, the one algorithm that sipp knows. */
  device(way: Way, role: Role): Promise<SippDevice> {
    const extension = extensionOf(way, role);
    const present = this.#devices.get(extension);
    if (present !== undefined) return present;
    const device = this.#introduced(way, extension);
    this.#devices.set(extension, device);
    return device;
  }

  /** As `device`, and registered. */
  async registered(way: Way, role: Role): Promise<SippDevice> {
    const device = await this.device(way, role);
    await device.succeeds('register/bind');
    return device;
  }

  /** Another device of that role's extension, of the same way and with a port or connection of its own. */
  second(way: Way, role: Role): Promise<SippDevice> {
    const extension = extensionOf(way, role);
    const key = `${extension} second`;
    let device = this.#devices.get(key);
    if (device === undefined) {
      device = this.#create(way, extension);
      this.#devices.set(key, device);
    }
    return device;
  }

  async close(): Promise<void> {
    for (const device of await Promise.allSettled(this.#devices.values())) {
      if (device.status === 'fulfilled') device.value.close();
    }
    for (const release of this.#releases) release();
    await this.ringdown.close();
  }

  async #introduced(way: Way, extension: string): Promise<SippDevice> {
    const device = await this.#create(way, extension);
    try {
      await device.introduce();
    } catch (error) {
      device.close();
      throw error;
    }
    return device;
  }

  async #create({ via, address }: Way, extension: string): Promise<SippDevice> {
    const { sipPort, ports } = this.ringdown;
    const { port, release } = await reservePort(address, via === 'UDP' ? 'udp' : 'tcp');
    this.#releases.push(release);
    return SippDevice.create({
      extension,
      password: this.#passwords.get(extension) ?? '',
      via,
      address,
      port,
      box: { address, port: via === 'TLS' ? ports.sips : sipPort },
      authority: this.authority,
    });
  }
}

export function extensionOf(way: Way, role: Role): string {
  return `2${way.digit}${ROLES.indexOf(role) + 1}`;
}

/** Changes the configuration of a box, running or not: paths and values by turns. */
export async function configure(ringdown: Ringdown, settings: readonly string[]): Promise<void> {
  const { status, stderr } = await runRingdown(['config', 'set', ...settings, '--data', ringdown.dataDirectory]);
  if (status !== 0) throw new Error(`config set ended with ${status}: ${stderr}`);
}

/** In one edit; returns the passwords by extension. */
async function addExtensions({ dataDirectory }: Ringdown): Promise<ReadonlyMap<string, string>> {
  const rows = WAYS.flatMap((way) =>
    ROLES.map((role) => `${extensionOf(way, role)},The ${role} on ${way.name.replaceAll(' ', '-')}`),
  );
  const folder = mkdtempSync(join(tmpdir(), 'sipp-bench-'));
  const removeFolder = atExit(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const file = join(folder, 'passwords.csv');
    const words = ['users', 'import', '-', '--passwords', file, '--data', dataDirectory];
    const { status, stderr } = await runRingdown(words, `extension,name\n${rows.join('\n')}\n`);
    if (status !== 0) throw new Error(`users import ended with ${status}: ${stderr}`);
    const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
    return new Map(lines.map((line) => line.trim().split(',') as [string, string]));
  } finally {
    removeFolder();
  }
}

/** What a rule does over one way. Results that are not as they should be fail the test with their report. */
export type RuleRun = (bench: SippBench, way: Way) => Promise<readonly SippResult[]>;

export interface Rule {
  readonly title: string;
  readonly run: RuleRun;
  readonly ways?: readonly Way[];
}

/** A rule that one device alone can show. */
export function alone(
  title: string,
  scenario: string,
  options: RunOptions & { readonly ways?: readonly Way[]; readonly role?: Role } = {},
): Rule {
  const { ways = WAYS, role = 'caller', ...rest } = options;
  return {
    title,
    ways,
    run: async (bench, way) => [await (await bench.device(way, role)).run(scenario, extensionOf(way, 'callee'), rest)],
  };
}

export interface CallOptions extends RunOptions {
  readonly ways?: readonly Way[];
  /** The scenario by which the callee registers. */
  readonly registers?: string;
}

/** A rule of a call: the caller calls the callee, which is registered, each by a scenario of its own. */
export function call(title: string, caller: string, callee: string, options: CallOptions = {}): Rule {
  const { ways = WAYS, registers = 'register/bind', ...rest } = options;
  return {
    title,
    ways,
    run: async (bench, way) => {
      const [left, right] = await Promise.all([bench.device(way, 'caller'), bench.device(way, 'callee')]);
      await right.succeeds(registers);
      const listening = await right.listen(callee, left.extension, rest);
      const calling = left.run(caller, right.extension, rest);
      return Promise.all([calling, listening.result]);
    },
  };
}

/** A rule of a call to a user with two devices: `desk` is the scenario of the one, `mobile` of the other. */
export function forkedCall(title: string, caller: string, desk: string, mobile: string, ways = WAYS): Rule {
  return {
    title,
    ways,
    run: async (bench, way) => {
      const [left, right] = await Promise.all([bench.device(way, 'caller'), bench.registered(way, 'callee')]);
      const other = await bench.second(way, 'callee');
      await other.succeeds('register/bind-mobile');
      const listening = await Promise.all([right.listen(desk, left.extension), other.listen(mobile, left.extension)]);
      const results = await Promise.all([left.run(caller, right.extension), ...listening.map(({ result }) => result)]);
      await other.succeeds('register/leave');
      return results;
    },
  };
}

/** Tests rules over their ways, with one box for all of them: rule after rule, the ways of a rule side by side. */
export function sippTests(rules: readonly Rule[], settings: readonly string[] = []): void {
  let bench: SippBench | undefined;
  t.before(async () => {
    bench = await SippBench.open(settings);
  });
  t.teardown(() => bench?.close());
  for (const rule of rules) {
    t.test(rule.title, async (t) => {
      if (bench === undefined) throw new Error('the box does not run');
      await testRule(t, bench, rule);
    });
  }
}

async function testRule(t: Test, bench: SippBench, { run, ways = WAYS }: Rule): Promise<void> {
  const outcomes = await Promise.all(
    ways.map(async (way) => {
      try {
        return { way, results: await run(bench, way) };
      } catch (error) {
        return {
          way,
          results: [{ status: undefined, report: error instanceof Error ? error.message : String(error) }],
        };
      }
    }),
  );
  t.not(outcomes.length, 0, 'there is a way');
  for (const { way, results } of outcomes) {
    const failed = results.filter(({ status }) => status !== 0);
    t.equal(failed.length, 0, way.name);
    for (const { report } of failed) t.comment(report);
  }
  if (!t.passing()) t.comment(bench.ringdown.report);
}
