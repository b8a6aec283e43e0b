import type { LineAbilities, OutsideLines } from '../../../firmware/call/outside.ts';
import { parseNameAddr, parseSipUri } from '../../../firmware/sip/stack.ts';
import type { TestPhone } from '../../support/phone/test-phone.ts';
import type { SipOffice } from './sip-office.ts';

const ABILITIES: LineAbilities = {
  codecs: undefined,
  security: 'system',
  dtmf: 'automatic',
};

/**
 * Whoever calls as `carrier` comes over line 1. What is placed on it is written down; it reaches these phones, by their names,
 * and nobody else.
 */
export function withLine(office: SipOffice, reached: readonly TestPhone[] = []): string[] {
  const placed: string[] = [];
  const lines: OutsideLines = {
    state: () => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false }),
    receive: ({ message }) => {
      const from = parseNameAddr(message.headers.get('From') ?? '');
      if (from === undefined || parseSipUri(from.uri)?.user !== 'carrier') return { kind: 'stranger' };
      return {
        kind: 'call',
        line: '1',
        calledNumber: message.sipUri?.user ?? '',
        callerNumber: '02079461111',
        isWithheld: false,
        diversions: [],
        abilities: ABILITIES,
        shows: () => [],
        names: () => undefined,
        answered: () => undefined,
        ended: () => undefined,
      };
    },
    place: async ({ attempt }) => {
      placed.push(attempt.number);
      const phone = reached.find(({ contactUri }) => parseSipUri(contactUri)?.user === attempt.number);
      if (phone === undefined) return { kind: 'refused', status: 503, why: 'full', isFinal: true };
      return {
        kind: 'placed',
        invite: {
          flow: office.flowTo(phone),
          requestUri: phone.contactUri,
          from: { uri: 'sip:box@carrier' },
          to: { uri: `sip:${attempt.number}@carrier` },
        },
        abilities: ABILITIES,
        answerWithinMs: 4000,
        shows: () => [],
        names: () => undefined,
        answered: () => undefined,
        ended: () => undefined,
        rejected: () => 'final',
      };
    },
  };
  office.lines = lines;
  return placed;
}
