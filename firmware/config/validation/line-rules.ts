import { isIP } from 'node:net';
import type { Rule } from './cross-checks.ts';
import { isNetwork } from './is-network.ts';

/** Lines to carriers and to other boxes. */
export const lineRules: readonly Rule[] = [
  function hostsOfLinesAreOnes({ lines }, report) {
    for (const [number, settings] of Object.entries(lines)) {
      for (const field of ['domain', 'proxy', 'registrar'] as const) {
        const host = settings[field];
        const looksLikeAddress = host.includes(':') || /^[\d.]+$/.test(host);
        if (!looksLikeAddress || host === '' || isIP(host) !== 0) continue;
        report(['lines', number, field], host, 'is no address', 'Give one such as 198.51.100.7, or a name.');
      }
      for (const [index, network] of settings.peers.entries()) {
        if (isNetwork(network)) continue;
        const cure = 'Give one as 198.51.100.7 or 198.51.100.0/24.';
        report(['lines', number, 'peers', String(index)], network, 'is no address and no network', cure);
      }
    }
  },

  function linesLeadSomewhere({ lines }, report) {
    for (const [number, { enabled, domain, proxy, registers, userName }] of Object.entries(lines)) {
      if (!enabled) continue;
      if (domain === '' && proxy === '') {
        const cure = 'Give the domain or the proxy of the carrier: until then the line stays out of service.';
        report(['lines', number, 'domain'], undefined, 'is empty', cure, 'warning');
      } else if (registers && userName === '') {
        const cure = 'Give the name that the carrier knows the box by, or set registers to false.';
        report(['lines', number, 'userName'], undefined, 'is empty, and the line registers', cure, 'warning');
      }
    }
  },

  function formatsOfNumbersAreKnown({ lines }, report) {
    for (const [number, { numbers }] of Object.entries(lines)) {
      for (const field of ['send', 'receive'] as const) {
        if (numbers[field] === 'as-dialled' || numbers.countryCode !== '') continue;
        const cure = 'Set numbers.countryCode of the line, as 44.';
        report(['lines', number, 'numbers', field], numbers[field], 'needs the country code', cure);
      }
    }
  },
];
