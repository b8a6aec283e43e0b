import { Optional } from '@sinclair/typebox';
import {
  choice,
  collection,
  flag,
  group,
  line,
  list,
  NAME_KEY,
  NUMBER_KEY,
  reference,
  secret,
  shaped,
  word,
} from './kinds.ts';
import { CODEC_NAMES, MEDIA_SECURITY } from './system.ts';

/** Device classes: of each a user has one at a time (seeds: simultaneous mode). `any` takes what registers. */
export const DEVICE_CLASSES = ['any', 'desk', 'desktop', 'mobile', 'webrtc'] as const;

/** What devices register as; the number is the user name of their digest. */
export const extensions = collection(
  { title: 'Extensions', table: 'extensions', key: { column: 'number', ...NUMBER_KEY }, max: 384 },
  group('Extension', {
    user: reference('Number of the user; left out: nobody’s', NUMBER_KEY),
    class: choice('Device class that may register; any: each', DEVICE_CLASSES, 'any'),
    description: line('Description', 64),
    password: secret('Password', 'sip-password'),
    passwordForSettingsFiles: flag(
      'Keep an encrypted copy of the password, for settings files that must carry it; takes effect with the next password',
      false,
    ),
    passwordCopy: secret('Encrypted copy of the password', 'recoverable'),
    codecs: Optional(
      list('Codecs in order of preference; left out: the system’s', word('Codec', CODEC_NAMES), CODEC_NAMES.length),
    ),
    mediaSecurity: choice('Media security', ['system', ...MEDIA_SECURITY], 'system'),
    addressRestriction: list(
      'Addresses or networks that may register it; empty: any',
      shaped('Address', '^[0-9a-fA-F:.]{2,45}(?:/\\d{1,3})?$', 'an IP address or a network such as 192.168.42.0/24'),
      16,
    ),
    location: reference('Location', NAME_KEY),
    autoAnswer: flag(
      'Devices may be told to answer by themselves, where their user wants that or is paged; off: they only ring',
      true,
    ),
    callsByRefer: flag(
      'Desk phones make the calls that a client asks for by themselves (REFER), where they say that they take it',
      false,
    ),
  }),
);
