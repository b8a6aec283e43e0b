import t from 'tap';
import { type AudioParameters, readAudio } from '../../firmware/sdp/audio.ts';
import { parsed } from './fixtures.ts';

const PLAIN: AudioParameters = {
  mediaIndex: 0,
  protocol: 'RTP/AVP',
  remoteAddress: '192.0.2.10',
  remotePort: 4000,
  remoteRtcpPort: 4001,
  rtcpMux: false,
  hasAlternatives: false,
  codecs: [{ codec: 'PCMA', payloadType: 8 }],
  ptimeMs: 20,
  direction: 'sendrecv',
};

interface Case {
  readonly fixture: string;
  readonly why: string;
  readonly expected: AudioParameters | undefined;
}

const cases: readonly Case[] = [
  { fixture: 'pcma', why: 'a plain offer', expected: { ...PLAIN, telephoneEventPayloadType: 101 } },
  {
    fixture: 'opus',
    why: 'RFC 7587: Opus has two channels and its own clock, whose events are others; one without is none',
    expected: {
      ...PLAIN,
      remotePort: 9000,
      remoteRtcpPort: 9001,
      codecs: [
        {
          codec: 'OPUS',
          payloadType: 111,
          opus: { maxPlaybackRate: 16_000, maxBitrate: 16_000, fec: true, constantRate: true, discontinuous: true },
        },
        { codec: 'G726', payloadType: 112 },
      ],
      telephoneEventPayloadType: 101,
      opusEventPayloadType: 113,
    },
  },
  {
    fixture: 'static-types-lf-only',
    why: 'static payload types need no rtpmap; G.729 without annexb has it',
    expected: {
      ...PLAIN,
      codecs: [
        { codec: 'G729', payloadType: 18, annexB: true },
        { codec: 'G722', payloadType: 9 },
        { codec: 'PCMU', payloadType: 0 },
        { codec: 'PCMA', payloadType: 8 },
      ],
    },
  },
  {
    fixture: 'ipv6-media-level',
    why: 'IPv6 at media level, a port pair, a=rtcp, maxptime caps ptime',
    expected: {
      ...PLAIN,
      remoteAddress: '2001:db8::7',
      remoteRtcpPort: 4100,
      codecs: [{ codec: 'G729', payloadType: 18, annexB: false }],
      ptimeMs: 40,
    },
  },
  {
    fixture: 'video-srtp-audio',
    why: 'video, SRTP and refused lines are passed over; 48 kHz events belong to Opus',
    expected: {
      ...PLAIN,
      mediaIndex: 3,
      remotePort: 5004,
      remoteRtcpPort: 5005,
      codecs: [
        { codec: 'OPUS', payloadType: 96, opus: {} },
        { codec: 'G729', payloadType: 98, annexB: true },
      ],
      opusEventPayloadType: 97,
    },
  },
  { fixture: 'savp-only', why: 'SRTP alone is no audio for us', expected: undefined },
  { fixture: 'video-only', why: 'no audio', expected: undefined },
  { fixture: 'hostname', why: 'a host name is no media address', expected: undefined },
  { fixture: 'multicast', why: 'a multicast group is no media address', expected: undefined },
  {
    fixture: 'hold-old-style',
    why: '0.0.0.0 means hold',
    expected: { ...PLAIN, remoteAddress: '0.0.0.0', direction: 'sendonly' },
  },
  {
    fixture: 'hold-ipv6',
    why: 'the unspecified IPv6 address means hold, and recvonly with it nothing at all',
    expected: { ...PLAIN, remoteAddress: '::', direction: 'inactive' },
  },
  { fixture: 'hold-sendonly', why: 'the m-line outweighs the session', expected: { ...PLAIN, direction: 'sendonly' } },
  { fixture: 'hold-session-inactive', why: 'the session speaks for it', expected: { ...PLAIN, direction: 'inactive' } },
  {
    fixture: 'odd-attributes',
    why: 'what makes no sense is passed over',
    expected: {
      ...PLAIN,
      codecs: [
        { codec: 'PCMA', payloadType: 8 },
        { codec: 'G729', payloadType: 18, annexB: true },
      ],
      telephoneEventPayloadType: 101,
    },
  },
  {
    fixture: 'remapped-static',
    why: 'an rtpmap outweighs the static table',
    expected: {
      ...PLAIN,
      codecs: [
        { codec: 'OPUS', payloadType: 0, opus: {} },
        { codec: 'PCMU', payloadType: 97 },
      ],
    },
  },
  {
    fixture: 'all-lines',
    why: 'the session direction',
    expected: {
      ...PLAIN,
      remoteAddress: '198.51.100.1',
      remotePort: 49180,
      remoteRtcpPort: 49181,
      codecs: [{ codec: 'PCMU', payloadType: 0 }],
      direction: 'recvonly',
    },
  },
];

for (const { fixture, why, expected } of cases) {
  t.test(`${fixture}: ${why}`, async (t) => {
    t.strictSame(readAudio(parsed(fixture)), expected);
  });
}
