import { isIPv6 } from 'node:net';
import { rightsOf } from '../config/licensing.ts';
import type { ClientFeature } from '../config/schema/system.ts';
import { readSourceNumbers, type SourceNumberName, type SourceNumbers } from '../config/source-numbers.ts';
import { isWorkplaceUserAgent } from './models.ts';
import { and, fields, type Origin } from './origin.ts';
import { type SettingsInput, uriHost } from './settings-input.ts';

/** A value with what made it. */
export interface Fact<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** What several lines of a settings file share, worked out once. */
export interface SettingsFacts {
  readonly input: SettingsInput;
  readonly system: SettingsInput['configuration']['system'];
  readonly sourceNumbers: SourceNumbers;
  /** Only Workplace asks: what is for other phones is left out. */
  readonly isForWorkplaceAlone: boolean;
  readonly isRemote: boolean;
  /** The SIP registrar FQDN for this client; empty where it has none. */
  readonly fqdn: Fact<string>;
  /** The registrar as it stands in a URI. */
  readonly registrar: Fact<string>;
  /** The server of files as it stands in a URI. */
  readonly fileHost: Fact<string>;
  readonly domain: Fact<string>;
  /** Of files, as clients reach them; undefined where they are not served. */
  readonly httpPort: number | undefined;
  readonly httpsPort: number | undefined;
  /** Whether Workplace may offer this: somebody does it, and the user's profile has it. */
  readonly offers: (feature: ClientFeature) => boolean;
  /** Presence, messages, directory: what a basic client has not (seeds: feature sets). */
  readonly isAdvanced: boolean;
}

const PREFERRED_PHONE_PORTS: ReadonlyMap<number, number> = new Map([
  [80, 8411],
  [443, 411],
]);
const PORTS_FIELD = fields('system.http.preferredPhonePorts');
/** What a basic client has not, among the features. */
const ADVANCED_FEATURES: ReadonlySet<ClientFeature> = new Set(['other-phone', 'shared-control', 'handover']);

const read = new WeakMap<readonly string[], SourceNumbers>();

/** The entries that take effect; read once for as long as the configuration stays. */
export function sourceNumbersOf(entries: readonly string[]): SourceNumbers {
  let known = read.get(entries);
  if (known === undefined) {
    known = readSourceNumbers(entries).known;
    read.set(entries, known);
  }
  return known;
}

export function settingsFacts(input: SettingsInput): SettingsFacts {
  const { configuration, client, ports } = input;
  const { system } = configuration;
  const sourceNumbers = sourceNumbersOf(configuration.noUser.sourceNumbers);
  const remote = (...names: readonly SourceNumberName[]) => (client.isRemote ? first(sourceNumbers, names) : undefined);
  const fqdn = registrarFqdn(input);
  const own: Fact<string> =
    fqdn.value === '' ? { value: uriHost(client.address), origin: and(fqdn.origin, { request: 'address' }) } : fqdn;
  const registrar = remote('RW_SBC_REG') ?? own;
  const port = (number: number | undefined) =>
    number !== undefined && system.http.preferredPhonePorts ? (PREFERRED_PHONE_PORTS.get(number) ?? number) : number;
  const { profile } = client;
  const features = profile === undefined ? 'advanced' : rightsOf(configuration, profile).features;
  const isAdvanced = features === 'advanced';
  return {
    input,
    system,
    sourceNumbers,
    isForWorkplaceAlone: isWorkplaceUserAgent(client.userAgent),
    isRemote: client.isRemote,
    fqdn,
    registrar,
    fileHost: remote('RW_SBC_PROV', 'PUBLIC_HTTP') ?? registrar,
    domain:
      system.sip.domain === ''
        ? {
            value: uriHost(client.address),
            origin: { ...fields('system.sip.domain'), request: 'address' },
          }
        : { value: system.sip.domain, origin: fields('system.sip.domain') },
    httpPort: port(ports.http),
    httpsPort: port(ports.https),
    isAdvanced,
    offers: (feature) =>
      system.phones.features.includes(feature) &&
      features !== 'none' &&
      (isAdvanced || !ADVANCED_FEATURES.has(feature)),
  };
}

/** Where the request came in on no LAN, behind a port forward, the first name that there is. */
function registrarFqdn({ configuration, client }: SettingsInput): Fact<string> {
  const lans = client.lan === undefined ? (['lan1', 'lan2'] as const) : [client.lan];
  const lan = lans.find((each) => configuration[each].registrarFqdn !== '') ?? lans[0] ?? 'lan1';
  return {
    value: configuration[lan].registrarFqdn,
    origin: { ...fields(`${lan}.registrarFqdn`), request: client.lan === undefined ? 'no LAN' : lan.toUpperCase() },
  };
}

function first(sourceNumbers: SourceNumbers, names: readonly SourceNumberName[]): Fact<string> | undefined {
  for (const name of names) {
    const found = sourceNumbers.get(name);
    if (found !== undefined) {
      const host = found.value.replace(/^\[|\]$/g, '');
      return { value: uriHost(host), origin: { sourceNumbers: found.entries, request: 'remote client' } };
    }
  }
  return undefined;
}

const TRANSPORTS = ['tls', 'tcp', 'udp'] as const;
type Transport = (typeof TRANSPORTS)[number];
const REMOTE_PORTS: Readonly<Record<Transport, SourceNumberName>> = {
  tls: 'RW_SBC_TLS',
  tcp: 'RW_SBC_TCP',
  udp: 'RW_SBC_UDP',
};

/** `host:port;transport=…`: one, since a list would let clients fall back to a transport that is less safe. */
export function sipController(facts: SettingsFacts): Fact<string> {
  const { sip } = facts.system;
  const served: Readonly<Record<Transport, number | undefined>> = {
    tls: facts.input.ports.sipTls,
    tcp: facts.input.ports.sipTcp,
    udp: facts.input.ports.sipUdp,
  };
  const remote = TRANSPORTS.flatMap((transport) => {
    const found = facts.isRemote ? facts.sourceNumbers.get(REMOTE_PORTS[transport]) : undefined;
    return found === undefined ? [] : [{ transport, port: Number(found.value), entries: found.entries }];
  });
  const local = TRANSPORTS.flatMap((transport) => {
    const port = sip[transport].enabled ? served[transport] : undefined;
    return port === undefined ? [] : [{ transport, port, entries: undefined }];
  });
  const candidates = remote.length > 0 ? remote : local;
  const chosen = candidates.find(({ transport }) => transport === sip.phoneTransport) ?? candidates[0];
  if (chosen === undefined) return { value: '', origin: fields(...TRANSPORTS.map((each) => `system.sip.${each}`)) };
  const { transport, port, entries } = chosen;
  const origin: Origin =
    entries === undefined
      ? { ...fields('system.sip.phoneTransport', `system.sip.${transport}`), box: 'SIP ports' }
      : { ...fields('system.sip.phoneTransport'), sourceNumbers: entries, request: 'remote client' };
  return {
    value: `${facts.registrar.value}:${port};transport=${transport}`,
    origin: and(facts.registrar.origin, origin),
  };
}

/**
 * HTTP where it is served: a client that does not trust the authority yet must get to WebRootCA.pem first. From outside
 * HTTPS comes first, since the way is long.
 */
export function fileUrl(facts: SettingsFacts, path: string): Fact<string> | undefined {
  const { fileHost, httpPort, httpsPort, isRemote } = facts;
  const schemes = [
    { scheme: 'http', port: httpPort },
    { scheme: 'https', port: httpsPort },
  ];
  const chosen = (isRemote ? schemes.toReversed() : schemes).find(({ port }) => port !== undefined);
  if (chosen === undefined) return undefined;
  const origin = and(fileHost.origin, { ...PORTS_FIELD, box: 'HTTP ports' });
  return { value: `${chosen.scheme}://${fileHost.value}:${chosen.port}/${path}`, origin };
}

/** What is odd about a file for this client, with the cure; empty where nothing is. */
export function settingsWarnings(input: SettingsInput): readonly string[] {
  const { client } = input;
  if (!isIPv6(client.address) || registrarFqdn(input).value !== '') return [];
  const lan = client.lan ?? 'lan1';
  return [
    `a client over IPv6 needs a SIP registrar FQDN; without one it is told the address. Set ${lan}.registrarFqdn to a ` +
      'name that resolves to the box’s IPv4 and IPv6 addresses.',
  ];
}
