/**
 * Inputs from which libFuzzer begins, in hex, by target (test/media/native/fuzz): what is well formed, so that it need not
 * guess the form first. A fault that was found is added here with a word about it, and stays.
 */
const RTP = '8008000100000000000000075a5a5a5a';
/** A CSRC, an extension of one word, padding of four bytes. */
const RTP_WITH_ALL = 'b188000200000140000000070000000abede00011234567855aa55aa00000004';
const EVENT_BEGIN = '050a00a0';
const EVENT_END = '058a0320';
const SENDER_REPORT = `81c8000c000000070000000100000002000001400000001000000a00${report('0000002a')}`;
const DESCRIPTION = '81ca0003' + '00000007' + '0104' + '61406200' + '0000';
/** Of 20 ms with the 20 ms before them, smaller, as its encoder makes them where losses are expected. */
const OPUS =
  '48fbfa5a8b8cd5f488f3fe871a722e9b1c81a94e845d1d39b7d31273afcaf4' +
  '29b88110131becf99da86734eb0c82c14dd0b6e468d134f72bf32b7ee26d9540';
const OPUS_LATER =
  '48fd39da7f6fe0e1ff4c88f62d70e3a06a124a3ab12b29d5fc600b77eaae' +
  'b91d1fa7e8226c3f5133ced6231fd89384eef0f12fe39bba24061bfdd15aeb';
const VOIP_METRICS =
  '80cf000a' +
  '00000007' +
  '07000008' +
  '0000002a' +
  '00000000' +
  '0000000000000000' +
  '0014001e7f105e7f5d2a2910' +
  '000000280050';

function report(ssrc: string): string {
  return `${ssrc}00000000000000100000000500000000${'00000000'}`;
}

function counted(payload: string): string {
  return (payload.length / 2).toString(16).padStart(2, '0') + payload;
}

function framed(header: string, packet: string): string {
  return header + (packet.length / 2).toString(16).padStart(4, '0') + packet;
}

/** struct leg_place of session/place.h: A-law of 20 ms, heard at 127.0.0.1; `ends` are the places of its keys, ours and theirs. */
function placeOf(secured: '00' | '01', ends = ''): string {
  const stream = `${'00'.repeat(8)}0000000007000000400100000a001400${secured}${secured}0105`;
  return `${stream}${ends.padEnd(64, '0')}020000097f000001`;
}

export const SEEDS: Readonly<Record<string, readonly string[]>> = {
  rtp: [RTP, RTP_WITH_ALL],
  rtcp: [`2a000000${SENDER_REPORT}${DESCRIPTION}`, `2a000000${SENDER_REPORT}${VOIP_METRICS}`],
  event: [`00000104${EVENT_BEGIN}14000104${EVENT_BEGIN}14000104${EVENT_END}`],
  wav: [
    // 16 bit, 8 kHz; A-law with an odd chunk before its data; G.722.
    '524946462800000057415645666d74201000000001000100401f0000803e0000020010006461746104000000e803e803',
    '524946463200000057415645666d74201000000006000100401f0000401f00000100080077686f2003000000000000006461746102000000d5d5',
    '524946462800000057415645666d7420100000008f020100803e0000803e0000010004006461746104000000fadb3098',
  ],
  wav_header: [
    // 16 bit at 8 kHz, one channel and four bytes; at 16 kHz, two channels, as long as a file can be.
    '524946462800000057415645666d74201000000001000100401f0000803e0000020010006461746104000000e803e803',
    '52494646fcffffff57415645666d74201000000001000200803e000000fa00000400100064617461d8ffffff',
  ],
  place: [
    `11000301${placeOf('00')}`,
    // Numbers that wrap, in keys that both wrapped before.
    `21800310${placeOf('01', '0700000029000000faff0000e8030000' + '2a00000001000000ffff000001000000')}`,
    `1185ff02${placeOf('00')}`,
  ],
  payload: [
    '00a0'.padEnd(324, '5a'),
    '0214'.padEnd(44, '77'),
    '02023344000a'.padEnd(32, '55'),
    `05${counted(OPUS)}00${counted(OPUS_LATER)}00`,
    // Opus of 10, 20, 60 and 2.5 ms, of two frames, and what is lost before each.
    '05014000034801020005480a0b0c0d00045801020300054a010708090002e001',
  ],
  g729: [
    `00${'10f0'.repeat(400)}`,
    `01${'ff7f0080'.repeat(200)}`,
    `02${'0040007f8000c0'.repeat(100)}`,
    `03${'5a77c31e'.repeat(40)}`,
  ],
  comfort_noise: ['01500750ff00ff7f7f7f'],
  srtp: [`00${RTP}${'00'.repeat(10)}`, `84${SENDER_REPORT}80000001${'00'.repeat(16)}`],
  session: [
    // A sum of bcg729's quantizer overflowed on this A-law.
    '0233011400ac80082a0100bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbd10000000bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbd00000004bdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbdbd000212001400ac8008000100000000000000ffffffff0000000000075555555555ff55',
    `1021${framed('0014', RTP)}${framed('0114', RTP)}${framed('0214', RTP_WITH_ALL)}`,
    `0212${framed('0014', `80080001000000000000000${'7'}${'55'.repeat(160)}`)}${framed('0414', SENDER_REPORT)}`,
    `4509${framed('0014', `800800010000000000000007${OPUS}`)}${framed('003c', `800800030000078000000007${OPUS_LATER}`)}`,
    `0101${framed('0014', `80e5000100000000000000${'07'}${EVENT_BEGIN}`)}${framed('0014', `8065000200000000000000${'07'}${EVENT_END}`)}`,
  ],
};
