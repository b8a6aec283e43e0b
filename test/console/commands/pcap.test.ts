import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type CapturedMessage, PcapWriter, pcapHeader } from '../../../firmware/console/commands/pcap.ts';

/** What Wireshark's program reads in a capture: a line for each packet, fields by tabs. */
function tshark(file: string, ...fields: readonly string[]): readonly (readonly string[])[] {
  const checks = ['ip.check_checksum', 'udp.check_checksum', 'tcp.check_checksum'];
  const { status, stdout, stderr } = spawnSync(
    'tshark',
    [
      ...['-n', '-r', file, '-T', 'fields', '-E', 'separator=/t'],
      ...checks.flatMap((check) => ['-o', `${check}:TRUE`]),
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', timeout: 60_000 },
  );
  if (status !== 0) throw new Error(`tshark ended with ${status}: ${stderr}`);
  return stdout
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));
}

function message(method: string, via: string, more = ''): Buffer {
  const body = `v=0\r\n${more}`;
  return Buffer.from(
    `${method} sip:202@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/${via} 192.0.2.7;branch=z9hG4bK1\r\n` +
      `From: <sip:201@x>;tag=1\r\nTo: <sip:202@x>\r\nCall-ID: call-1\r\nCSeq: 1 ${method}\r\n` +
      `Content-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

const ways: readonly (readonly [via: string, port: number, from: string, to: string])[] = [
  ['UDP', 5060, '192.0.2.7', '192.0.2.1'],
  ['UDP', 40_060, 'fd00:42::50', 'fd00:42::1'],
  ['TCP', 5060, '192.0.2.7', '192.0.2.1'],
  ['TCP', 40_060, '::1', '::1'],
  ['TLS', 5061, '192.0.2.7', '192.0.2.1'],
  ['TLS', 40_061, '2001:db8::7', '2001:db8::1'],
  ['WS', 5066, '192.0.2.7', '192.0.2.1'],
  ['WSS', 9443, '192.0.2.7', '192.0.2.1'],
];

t.test('Wireshark reads SIP over each transport and both families, without a fault', async (t) => {
  const file = join(t.testdir(), 'sip.pcap');
  const writer = new PcapWriter();
  const packets = ways.flatMap(([via, port, from, to], index) => {
    const captured: CapturedMessage = {
      atMs: 1_700_000_000_123 + index,
      isDatagram: via === 'UDP',
      source: { address: from, port: 30_000 },
      destination: { address: to, port },
      bytes: message('INVITE', via),
    };
    return writer.packets(captured);
  });
  writeFileSync(file, Buffer.concat([pcapHeader(), ...packets]));
  const read = tshark(
    file,
    ...['frame.time_epoch', 'sip.Method', 'sip.Call-ID', 'sip.Via.transport'],
    ...['ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'udp.dstport', 'tcp.dstport', 'sdp.version'],
    ...['ip.checksum.status', 'udp.checksum.status', 'tcp.checksum.status'],
  );
  t.equal(read.length, ways.length);
  for (const [index, [via, port, from, to]] of ways.entries()) {
    const [time, method, callId, transport, src, dst, src6, dst6, udp, tcp, sdp, ...sums] = read[index] ?? [];
    t.match(time, new RegExp(`^170000000[0-9]\\.${123 + index}0*$`));
    t.same([method, callId, transport, sdp], ['INVITE', 'call-1', via, '0'], via);
    t.same([`${src}${src6}`, `${dst}${dst6}`, `${udp}${tcp}`], [from, to, String(port)]);
    t.same(new Set(sums.filter((sum) => sum !== '')), new Set(['1']), 'every checksum is right');
  }
});

t.test('a datagram too long to go out is cut', async (t) => {
  const file = join(t.testdir(), 'long.pcap');
  const bytes = Buffer.alloc(65_640, message('MESSAGE', 'UDP'));
  const packets = ['192.0.2.1', 'fd00:42::1'].flatMap((address) => {
    const [source, destination] = [
      { address, port: 5060 },
      { address, port: 5062 },
    ];
    return new PcapWriter().packets({ atMs: 1_700_000_000_000, isDatagram: true, source, destination, bytes });
  });
  writeFileSync(file, Buffer.concat([pcapHeader(), ...packets]));
  t.same(tshark(file, 'sip.Method', 'udp.length'), [
    ['MESSAGE', '65515'],
    ['MESSAGE', '65515'],
  ]);
});

t.test('several messages of a connection, both ways, and one longer than a packet', async (t) => {
  const file = join(t.testdir(), 'stream.pcap');
  const writer = new PcapWriter();
  const [phone, box] = [
    { address: '192.0.2.7', port: 30_000 },
    { address: '192.0.2.1', port: 5060 },
  ];
  const way = (source: typeof phone, destination: typeof phone, bytes: Buffer) =>
    writer.packets({ atMs: 1_700_000_000_000, isDatagram: false, source, destination, bytes });
  const long = message('MESSAGE', 'TCP', 'a=x\r\n'.repeat(13_080));
  t.ok(long.length > 65_500);
  const packets = [
    ...way(phone, box, message('INVITE', 'TCP')),
    ...way(
      box,
      phone,
      Buffer.from('SIP/2.0 100 Trying\r\nVia: x\r\nCSeq: 1 INVITE\r\nCall-ID: call-1\r\nContent-Length: 0\r\n\r\n'),
    ),
    ...way(phone, box, long),
    ...way(phone, box, message('BYE', 'TCP')),
  ];
  writeFileSync(file, Buffer.concat([pcapHeader(), ...packets]));
  const read = tshark(file, 'sip.Method', 'sip.Status-Code', 'tcp.analysis.flags', 'tcp.analysis.lost_segment');
  t.equal(read.length, 5);
  t.same(
    read.map(([method, status]) => `${method}${status}`).filter((seen) => seen !== ''),
    ['INVITE', '100', 'MESSAGE', 'BYE'],
  );
  t.ok(
    read.every(([, , flags, lost]) => `${flags}${lost}` === ''),
    'no gap in the sequence numbers',
  );
});
