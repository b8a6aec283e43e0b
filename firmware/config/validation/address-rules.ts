import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Path } from '../path.ts';
import type { Configuration } from '../schema/configuration.ts';
import type { Report, Rule } from './cross-checks.ts';
import { isNetwork } from './is-network.ts';

const LANS = ['lan1', 'lan2'] as const;

/** A call takes two ports for RTP and two for RTCP. */
const MIN_MEDIA_PORTS = 4;
/** A shorter one would end calls that a change of networks, or a busy phone, interrupts. */
const MIN_MEDIA_TIMEOUT_SECONDS = 10;

/** Addresses, names, ports and time: what the network would refuse. */
export const addressRules: readonly Rule[] = [
  function lanAddressesAreUsable(configuration, report) {
    for (const lan of LANS) {
      const { ipv4, ipv6, dhcp } = configuration[lan];
      if (!isHostAddress(ipv4.address)) {
        report([lan, 'ipv4', 'address'], ipv4.address, 'is no address of a host', 'Give one such as 192.168.42.1.');
        continue;
      }
      const [network, broadcast] = rangeOf(ipv4.address, ipv4.prefixLength);
      const own = toNumber(ipv4.address);
      if (own === network || own === broadcast) {
        report(
          [lan, 'ipv4', 'address'],
          ipv4.address,
          'is the address of the network or its broadcast',
          'Give one between them.',
        );
      }
      if (dhcp.mode === 'server') checkPool(report, lan, dhcp, network, broadcast, own);
      if (ipv6.mode === 'static' && ipv6.addresses.length === 0) {
        report(
          [lan, 'ipv6', 'addresses'],
          undefined,
          'must hold an address in mode static',
          'Add one, or choose another mode.',
        );
      }
      for (const [index, address] of ipv6.addresses.entries()) {
        if (!isIPv6Prefix(address)) {
          report(
            [lan, 'ipv6', 'addresses', String(index)],
            address,
            'is no IPv6 address with a prefix length',
            'Give one such as fd00::1/64.',
          );
        }
      }
    }
  },

  function lansAreApart({ lan1, lan2 }, report) {
    if (!isHostAddress(lan1.ipv4.address) || !isHostAddress(lan2.ipv4.address)) return;
    const [first, last] = rangeOf(lan1.ipv4.address, lan1.ipv4.prefixLength);
    const [otherFirst, otherLast] = rangeOf(lan2.ipv4.address, lan2.ipv4.prefixLength);
    if (first > otherLast || otherFirst > last) return;
    report(
      ['lan2', 'ipv4', 'address'],
      lan2.ipv4.address,
      'lies in a network that overlaps with LAN1’s',
      'Give LAN1 and LAN2 networks of their own.',
    );
  },

  function lan2HasIpv6OnlyWithLan1({ lan1, lan2 }, report) {
    if (lan2.ipv6.mode === 'disabled' || lan1.ipv6.mode !== 'disabled') return;
    report(
      ['lan2', 'ipv6', 'mode'],
      lan2.ipv6.mode,
      'needs IPv6 on LAN1',
      'Set lan1.ipv6.mode first, or disable IPv6 on LAN2 too.',
    );
  },

  function fqdnsAreNames({ lan1, lan2, system }, report) {
    const check = (path: Path, name: string) => {
      if (name === '') return;
      if (isIP(name) !== 0 || /^[\d.]+$/.test(name)) {
        report(
          path,
          name,
          'is an address, not a name',
          'Give a fully qualified domain name that resolves to the box, or leave it empty.',
        );
      } else if (!name.includes('.')) {
        report(path, name, 'is not fully qualified', 'Give the name with its domain, as sip.example.com.');
      }
    };
    check(['lan1', 'registrarFqdn'], lan1.registrarFqdn);
    check(['lan2', 'registrarFqdn'], lan2.registrarFqdn);
    check(['system', 'cloud', 'companyDomain'], system.cloud.companyDomain);
    check(['system', 'cloud', 'accountsUrl'], system.cloud.accountsUrl);
  },

  function portsAreApart({ system }, report) {
    const { portLow, portHigh } = system.media;
    if (portHigh - portLow < MIN_MEDIA_PORTS - 1) {
      report(
        ['system', 'media', 'portHigh'],
        portHigh,
        `must be ${MIN_MEDIA_PORTS - 1} or more above system.media.portLow (${portLow})`,
        'A call takes four ports.',
      );
    }
    const { timeoutSeconds } = system.media;
    if (timeoutSeconds > 0 && timeoutSeconds < MIN_MEDIA_TIMEOUT_SECONDS) {
      report(
        ['system', 'media', 'timeoutSeconds'],
        timeoutSeconds,
        `must be 0 or ${MIN_MEDIA_TIMEOUT_SECONDS} at least`,
        'A phone that changes from one network to the other is silent for some seconds.',
      );
    }
    if (system.media.codecs.length === 0) {
      report(['system', 'media', 'codecs'], [], 'names no codec', 'Name one at least: nobody could call.');
    }
    const { udp, tcp, tls } = system.sip;
    if (!udp.enabled && !tcp.enabled && !tls.enabled) {
      report(
        ['system', 'sip'],
        undefined,
        'has no transport in use',
        'Enable udp, tcp or tls: no phone could register.',
      );
    }
    const taken = new Map<number, string>();
    for (const service of ['tcp', 'tls', 'webSocket', 'secureWebSocket'] as const) {
      const { enabled, port } = system.sip[service];
      if (!enabled) continue;
      const other = taken.get(port);
      if (other === undefined) taken.set(port, service);
      else {
        const path = ['system', 'sip', service, 'port'];
        report(path, port, `is the port of system.sip.${other}`, 'Give each of them a port of its own.');
      }
    }
    if (udp.enabled && udp.port >= portLow && udp.port <= portHigh) {
      report(
        ['system', 'sip', 'udp', 'port'],
        udp.port,
        'lies among the ports for media',
        'Give it one outside of them.',
      );
    }
  },

  function expiryTimesFit({ system }, report) {
    const { minExpirySeconds, maxExpirySeconds } = system.sip;
    if (minExpirySeconds <= maxExpirySeconds) return;
    report(
      ['system', 'sip', 'minExpirySeconds'],
      minExpirySeconds,
      `is longer than system.sip.maxExpirySeconds (${maxExpirySeconds})`,
      'Give the longest time at least as much as the shortest.',
    );
  },

  function timeZoneExists({ system }, report) {
    if (isTimeZone(system.timeZone)) return;
    report(
      ['system', 'timeZone'],
      system.timeZone,
      'is no time zone',
      'Give a name of the IANA database, as Europe/London or UTC.',
    );
  },

  function restrictionsAreNetworks({ system, extensions, locations }, report) {
    const check = (networks: readonly string[], path: readonly string[]): void => {
      for (const [index, network] of networks.entries()) {
        if (isNetwork(network)) continue;
        const cure = 'Give one as 192.168.42.17 or 192.168.42.0/24.';
        report([...path, String(index)], network, 'is no address and no network', cure);
      }
    };
    check(system.sip.defence.allowList, ['system', 'sip', 'defence', 'allowList']);
    for (const [number, { addressRestriction }] of Object.entries(extensions)) {
      check(addressRestriction, ['extensions', number, 'addressRestriction']);
    }
    for (const [name, { subnet }] of Object.entries(locations)) {
      if (subnet !== '' && !(subnet.includes('/') && isNetwork(subnet))) {
        report(['locations', name, 'subnet'], subnet, 'is no network', 'Give one as 192.168.42.0/24.');
      }
    }
  },
];

function checkPool(
  report: Report,
  lan: string,
  dhcp: Configuration['lan1']['dhcp'],
  network: number,
  broadcast: number,
  own: number,
): void {
  const path = [lan, 'dhcp', 'poolFirst'];
  const first = toNumber(dhcp.poolFirst);
  const last = first + dhcp.poolSize - 1;
  if (!isIPv4(dhcp.poolFirst) || first <= network || last >= broadcast) {
    report(
      path,
      dhcp.poolFirst,
      `must begin a pool of ${dhcp.poolSize} addresses within the network of the LAN`,
      'Choose another first address, or make the pool smaller.',
    );
  } else if (own >= first && own <= last) {
    report(
      path,
      dhcp.poolFirst,
      'begins a pool with the box’s own address in it',
      'Let the pool begin after that address, or end before it.',
    );
  }
}

function isHostAddress(address: string): boolean {
  if (!isIPv4(address)) return false;
  const first = Number(address.split('.')[0]);
  return first !== 0 && first !== 127 && first < 224;
}

function isIPv6Prefix(text: string): boolean {
  const [address = '', length = ''] = text.split('/');
  return isIPv6(address) && Number(length) >= 1 && Number(length) <= 128 && !/^(?:ff|::1?$)/i.test(address);
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

/** First and last address of the network that `address` lies in. */
function rangeOf(address: string, prefixLength: number): readonly [number, number] {
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor(toNumber(address) / size) * size;
  return [first, first + size - 1];
}

const zones = new Map<string, boolean>([['UTC', true]]);

/** Kept, since asking costs, and most of all the first time: then all that is known of zones is loaded. */
function isTimeZone(name: string): boolean {
  let known = zones.get(name);
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: name });
      known = !/^[+-]/.test(name);
    } catch {
      known = false;
    }
    if (zones.size < 64) zones.set(name, known);
  }
  return known;
}
