import type { Path } from '../path.ts';
import { isConfidential, readSourceNumbers } from '../source-numbers.ts';
import type { Rule } from './cross-checks.ts';

const LANS = ['lan1', 'lan2'] as const;

/** What settings files for phones are made of. */
export const phoneRules: readonly Rule[] = [
  function sourceNumbersAreRight({ noUser }, report) {
    const { known, problems } = readSourceNumbers(noUser.sourceNumbers);
    for (const { index, problem, cure, severity } of problems) {
      const entry = noUser.sourceNumbers[index] ?? '';
      const shown = isConfidential(entry) ? undefined : entry;
      report(['noUser', 'sourceNumbers', String(index)], shown, problem, cure, severity);
    }
    for (const entry of [...known.values()].flatMap(({ entries }) => entries).filter(isConfidential)) {
      report(
        ['noUser', 'sourceNumbers', String(noUser.sourceNumbers.indexOf(entry))],
        undefined,
        'is a password, and goes into no file that anybody can fetch',
        'Set it on the phones, or put it into a file that only they can reach.',
        'warning',
      );
    }
  },

  function whatFilesQuoteFits({ system }, report) {
    for (const field of ['conferenceCentre', 'voicemailNumber'] as const) {
      const text = system.telephony[field];
      if (/^[\x21\x23-\x7e]*$/.test(text)) continue;
      report(
        ['system', 'telephony', field],
        text,
        'cannot stand in a settings file',
        'Use printable ASCII without spaces and double quotes.',
      );
    }
  },

  function phonesHaveATransport({ system }, report) {
    const { phoneTransport } = system.sip;
    if (phoneTransport === 'safest' || system.sip[phoneTransport].enabled) return;
    report(
      ['system', 'sip', 'phoneTransport'],
      phoneTransport,
      'is not in use',
      `Set system.sip.${phoneTransport}.enabled to true, or choose another transport.`,
    );
  },

  function keysAreSecret({ system }, report) {
    const { udp, tcp, webSocket } = system.sip;
    if (system.media.security !== 'enforced' || !(udp.enabled || tcp.enabled || webSocket.enabled)) return;
    report(
      ['system', 'media', 'security'],
      system.media.security,
      'asks for SRTP, but its keys are in the clear where SIP goes without TLS (RFC 4568)',
      'Set system.sip.udp.enabled, tcp.enabled and webSocket.enabled to false, so that phones use TLS.',
      'warning',
    );
  },

  function ipv6HasAnFqdn(configuration, report) {
    for (const lan of LANS) {
      const { ipv6, registrarFqdn } = configuration[lan];
      // Mode own is the default, and nobody who did not ask for IPv6 needs to hear of it.
      if (ipv6.mode !== 'static' || registrarFqdn !== '') continue;
      const path: Path = [lan, 'registrarFqdn'];
      report(
        path,
        undefined,
        'is empty, though clients may come over IPv6: they need a name for both families',
        `Set ${lan}.registrarFqdn to a name that resolves to the box’s IPv4 and IPv6 addresses.`,
        'warning',
      );
    }
  },
];
