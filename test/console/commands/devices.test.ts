import t from 'tap';
import { formatDevice, type RegisteredDevice } from '../../../firmware/console/commands/devices.ts';
import { type RuntimeStatus, statusCommand } from '../../../firmware/console/commands/status.ts';
import { runCommand } from './run-command.ts';

const DEVICE: RegisteredDevice = {
  extension: '201',
  deviceClass: 'desktop',
  via: 'udp 192.168.42.50:5060',
  expiresInSeconds: 3600,
  isReachable: true,
  contact: 'sip:201@192.168.42.50',
};
const WINDOWS = 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)';
const FAR = 'wss [2001:db8:1234:5678:9abc:def0:1234:5678]:65535';

t.test('a device is one line of a serial terminal, which ends visibly where the user agent was longer', async (t) => {
  const agents = [undefined, 'Snom', WINDOWS, `\x1b[2J${'x'.repeat(256)}`];
  for (const userAgent of agents) {
    for (const via of [DEVICE.via, FAR]) {
      for (const isReachable of [true, false]) {
        const line = formatDevice({ ...DEVICE, via, isReachable, ...(userAgent === undefined ? {} : { userAgent }) });
        if (via !== FAR || isReachable) t.ok(line.length <= (via === FAR ? 78 : 77), `${line.length}: ${line}`);
        t.notMatch(line, '\x1b');
        t.equal(line.includes('connection gone'), !isReachable);
      }
    }
  }
  t.equal(
    formatDevice({ ...DEVICE, userAgent: WINDOWS }),
    '201  desktop  udp 192.168.42.50:5060  for 3600 s  Avaya Communicator/3.0 (3..',
  );
});

t.test('status of an office full of phones stays on the screen', async (t) => {
  const status: RuntimeStatus = {
    ...{
      version: '1',
      name: 'Office',
      revision: 1,
      uptimeSeconds: 1,
      notices: [],
      listeners: [],
      calls: [],
      lines: [],
    },
    devices: Array.from({ length: 384 }, (_, at) => ({ ...DEVICE, extension: String(200 + at) })),
    media: { state: 'running', sessions: 0 },
    held: { legs: 0, sipSessions: 0, transactions: 3, timers: 12, files: 40 },
  };
  const { output } = await runCommand((context) => statusCommand(() => status, context.output), { words: [] });
  t.match(output, /^384 registered devices\n {2}200 /m);
  t.match(output, /^ {2}215 .*\n {2}and more: see devices list\n\n0 calls\n$/m);
});

t.test('status is shown when no descriptor is left, and says so', async (t) => {
  const status: RuntimeStatus = {
    ...{
      version: '1',
      name: 'Office',
      revision: 1,
      uptimeSeconds: 1,
      notices: [],
      listeners: [],
      calls: [],
      lines: [],
    },
    devices: [],
    media: { state: 'running', sessions: 0 },
    held: { legs: 0, sipSessions: 0, transactions: 3, timers: 12, files: undefined },
  };
  const { output } = await runCommand((context) => statusCommand(() => status, context.output), { words: [] });
  t.match(output, /^Held: .*, 12 timers, as many files as it may$/m);
});
