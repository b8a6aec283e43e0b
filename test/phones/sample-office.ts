import type { Configuration } from '../../firmware/config/schema/configuration.ts';
import { validate } from '../../firmware/config/validation/validate.ts';
import type { SettingsInput } from '../../firmware/phones/settings-input.ts';

/** What a technician's edit leaves: everything that has a default may be left out. */
export function office(candidate: object = {}): Configuration {
  return validate(candidate).configuration;
}

/** A fresh box, asked over LAN1. */
export function inputFor(configuration: Configuration, change: Partial<SettingsInput> = {}): SettingsInput {
  const { media } = configuration.system;
  return {
    version: '1.2.3',
    configuration,
    client: { address: '192.168.42.1', lan: 'lan1', isRemote: false, userAgent: '' },
    ports: { sipUdp: 5060, sipTcp: 5060, sipTls: 5061, http: 80, https: 443 },
    mediaPorts: { low: media.portLow, high: media.portHigh },
    year: 2026,
    ...change,
  };
}

/** What both of the seeds' samples have in common: a server for every feature, TCP for phones. */
const SAMPLE_SYSTEM = {
  sip: { phoneTransport: 'tcp' },
  media: { codecs: ['G722', 'PCMA', 'PCMU', 'G729'] },
  telephony: { conferenceCentre: 'ConfServer', voicemailNumber: 'VM.user', messagingServer: 'portal' },
  phones: {
    features: [
      'call-log',
      'subscriptions',
      'do-not-disturb',
      'conference-controls',
      'other-phone',
      'recording',
      'shared-control',
      'auto-answer',
      'handover',
    ],
    otherCodecs: ['OPUS'],
    desktopUpdatesUrl: 'https://storage.googleapis.com/avaya-subscription-eap-update/Vantage/appcast.xml',
  },
} as const;

/** The office of the English sample: names, cloud account with authorization, and push. */
export const ENGLISH_OFFICE = office({
  system: {
    ...SAMPLE_SYSTEM,
    sip: { ...SAMPLE_SYSTEM.sip, domain: 'example.com' },
    cloud: { enabled: true, authorization: true },
    push: { apple: true },
    phones: { ...SAMPLE_SYSTEM.phones, fileForm: 'r12' },
  },
  lan1: { ipv4: { address: '192.168.0.76' }, registrarFqdn: 'sip.example.com' },
});

/** The office of the Chinese sample: addresses, a cloud account without authorization, and no push. */
export const CHINESE_OFFICE = office({
  system: { ...SAMPLE_SYSTEM, cloud: { enabled: true }, phones: { ...SAMPLE_SYSTEM.phones, fileForm: 'r11' } },
  lan1: { ipv4: { address: '192.168.0.76' } },
});
