import type { Device } from './device-class.ts';

export interface DeviceRule {
  /** Of the User-Agent. */
  readonly pattern: RegExp;
  readonly device: Device;
}

const DESK: Device = { deviceClass: 'desk' };
const WORKPLACE_DESKTOP: Device = { deviceClass: 'desktop', client: 'workplace' };
const WORKPLACE_MOBILE: Device = { deviceClass: 'mobile', client: 'workplace' };
const SOFTPHONE: Device = { deviceClass: 'desktop', client: 'softphone' };
const MOBILE_SOFTPHONE: Device = { deviceClass: 'mobile', client: 'softphone' };
const BROWSER: Device = { deviceClass: 'webrtc', client: 'softphone' };

/**
 * The user agents of the field, the first that fits counts. A Vantage runs Android and is a desk phone all the same; a
 * Workplace client names its platform in the parentheses.
 */
export const DEVICE_RULES: readonly DeviceRule[] = [
  { pattern: /\bvantage\b|\bK1[567]5\b/i, device: DESK },
  { pattern: /^avaya\b.*\b(?:android|iphone|ipad|ios)\b/i, device: WORKPLACE_MOBILE },
  { pattern: /^avaya (?:communicator|workplace|ix workplace|equinox|one-x communicator)/i, device: WORKPLACE_DESKTOP },
  // J100, 96x1, 1600, 11x0, 12x0, B100 conference phones, DECT bases.
  { pattern: /^avaya\b/i, device: DESK },

  { pattern: /\b(?:sip\.js|jssip|sipml5?)\b/i, device: BROWSER },

  { pattern: /^linphone[-_ ]?(?:android|ios|iphone)/i, device: MOBILE_SOFTPHONE },
  { pattern: /^linphone/i, device: SOFTPHONE },
  { pattern: /\bzoiper\b.*\b(?:android|iphone|ios|mobile)\b|^zoiper(?:android|ios)/i, device: MOBILE_SOFTPHONE },
  { pattern: /^zoiper|^Z \d+\.\d/i, device: SOFTPHONE },
  { pattern: /^bria\b.*\b(?:android|ios|iphone|ipad|mobile)\b/i, device: MOBILE_SOFTPHONE },
  { pattern: /^(?:bria|x-lite|eyebeam)\b/i, device: SOFTPHONE },
  {
    pattern: /^(?:acrobits|groundwire|softphone\/|sipnetic|csipsimple|sipdroid|portsip.*(?:android|ios))/i,
    device: MOBILE_SOFTPHONE,
  },
  { pattern: /^(?:grandstream|gs)[- ]?wave/i, device: MOBILE_SOFTPHONE },
  {
    pattern:
      /^(?:microsip|baresip|jitsi|twinkle|blink|telephone|phonerlite|ekiga|3cxphone|portsip|pjsua|tsip|sflphone|jami)\b/i,
    device: SOFTPHONE,
  },

  {
    pattern:
      /^(?:grandstream|yealink|snom|poly(?:com)?|cisco|linksys|sipura|gigaset|aastra|mitel|fanvil|htek|obihai|panasonic|alcatel|audiocodes|digium|sangoma|spectralink|flyingvoice|akuvox)/i,
    device: DESK,
  },
];
