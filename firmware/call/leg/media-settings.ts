import type { Configuration } from '../../config/schema/configuration.ts';
import type { MediaSecurity } from '../../sdp/audio.ts';
import type { AudioCodec } from '../../sdp/codec.ts';
import type { LineAbilities } from '../outside.ts';
import { MEDIA_ABILITIES } from './media-abilities.ts';

/** What an extension may do in its calls, as configured. */
export interface MediaSettings {
  /** Those that are enabled, in order of preference. */
  readonly codecs: readonly AudioCodec[];
  readonly security: MediaSecurity;
  /** SRTCP is to be encrypted too. */
  readonly encryptSrtcp: boolean;
  /** Code point of the media that it is sent (RFC 2474), 0 to 63. */
  readonly dscp: number;
  /** How digits go to the peer; as it turns out that it takes them unless given. */
  readonly dtmf?: LineAbilities['dtmf'];
}

/** What is configured for `number`; what it leaves to the system is the system's. */
export function mediaSettings({ system, extensions }: Configuration, number: string): MediaSettings {
  const { codecs, security, encryptSrtcp, dscp } = system.media;
  const own = extensions[number];
  const ownSecurity = own?.mediaSecurity ?? 'system';
  const hasSrtp = MEDIA_ABILITIES.srtp.suites.length > 0;
  return {
    codecs: own?.codecs === undefined || own.codecs.length === 0 ? codecs : own.codecs,
    // Without SRTP in the media worker the setting is for phones alone.
    security: hasSrtp ? (ownSecurity === 'system' ? security : ownSecurity) : 'disabled',
    encryptSrtcp,
    dscp: dscp.audio,
  };
}

/** What a call over a line may do; what the line leaves to the system is the system's. */
export function lineMediaSettings({ system }: Configuration, { codecs, security, dtmf }: LineAbilities): MediaSettings {
  const hasSrtp = MEDIA_ABILITIES.srtp.suites.length > 0;
  const { media } = system;
  return {
    codecs: codecs ?? media.codecs,
    security: hasSrtp ? (security === 'system' ? media.security : security) : 'disabled',
    encryptSrtcp: media.encryptSrtcp,
    dscp: media.dscp.audio,
    dtmf,
  };
}
