import type { Test } from 'tap';
import { type Box, makeDisk } from '../support/qemu.ts';
import { ROOT_SHELL, RootShell } from '../support/root-shell.ts';
import { bootTest } from './boot-test.ts';
import { addExtension, command, lanAddresses, logIn, logInFirst, paste, status, typeHidden } from './dialogue.ts';

const CONSOLE_PASSWORD = 'only-for-tests-console';
const HEARING_MS = 60_000;
/** Enough for the runtime to be started again on an emulated machine. */
const RESTART_MS = 60_000;

const NEW_LAN1_IPV4 = '192.168.50.1';
const UNCONFIRMED_LAN2_IPV4 = '192.168.60.1';

/** The range of the configuration's defaults. */
const FIRST_MEDIA_PORT = 46750;
const LAST_MEDIA_PORT = 50750;

bootTest('the services of the box: rights, restarts, and a power cut', async (t, bench) => {
  const disk = await makeDisk('operation');
  const box = bench.start({ disk, kernelParameters: ROOT_SHELL });
  await logInFirst(box, CONSOLE_PASSWORD);
  const { lan1, lan2 } = await lanAddresses(box);
  const receptionPassword = await addExtension(box, '201', 'Reception');
  const reception = await bench.phone('lan1', {
    user: '201',
    password: receptionPassword,
    server: lan1.ipv4,
    codecs: ['PCMA'],
  });
  const workshop = await bench.phone('lan2', {
    user: '202',
    password: await addExtension(box, '202', 'Workshop'),
    server: lan2.ipv6,
    codecs: ['G729'],
    incoming: 'answer',
  });
  for (const phone of [reception, workshop]) t.match(await phone.register(), { status: 200 });
  // Over LAN2: LAN1 gets other addresses below.
  const shell = RootShell.connect(bench.network, 'lan2', lan2.ipv6);
  t.teardown(() => shell.close());

  t.not((await shell.run('touch /etc/written')).status, 0, 'the root cannot be written, not even by root');
  t.match((await shell.run("grep ' / ' /proc/mounts")).output, /squashfs ro/);
  t.match((await shell.run("grep ' /data ' /proc/mounts")).output, /ext4 rw,nosuid,nodev,noexec/);

  const services = await shell.run('sv status /run/service/*');
  t.equal(services.status, 0);
  t.notMatch(services.output, /^(down|finish|warning|fail)/m, 'every service runs');
  t.match(services.output, /^run: \/run\/service\/ringdown: /m);
  t.match(services.output, /^run: \/run\/service\/console: /m);
  t.notMatch((await shell.run('cat /data/log/ringdown/current')).output, /board: |"level":(50|60)/, 'and none failed');

  const runtime = await pidOf(shell, 'ringdown');
  const workers = await mediaWorkers(shell);
  for (const [name, pid, user] of [
    ['the runtime', runtime, 'ringdown'],
    ...workers.map((worker) => ['a media worker', worker, 'ringdown'] as const),
    ['the console', await pidOf(shell, 'console'), 'console'],
  ] as const) {
    const { output } = await shell.run(
      `stat=$(grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/${pid}/status); echo "$stat"; id -u ${user}`,
    );
    const uid = output.trim().split('\n').at(-1);
    t.match(output, new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'), `${name} runs as ${user}`);
    t.not(uid, '0', `${user} is not root`);
    t.match(output, /^CapEff:\t0000000000000(0|4)00$/m, `${name} can at most bind low ports`);
    t.match(output, /^NoNewPrivs:\t1$/m, `${name} can gain no more rights`);
  }

  const nonsense = "printf 'halt\\nreboot now\\n$(reboot)\\n%0500d\\n\\377\\n' 0 >/run/power/request";
  t.equal((await shell.run(nonsense)).status, 0);
  t.match((await shell.run('sv status /run/service/power')).output, /^run: /, 'the power service ignores nonsense');

  t.same(await mediaPorts(shell), [], 'no media port is held before the first call');
  t.match(await reception.call('202'), { status: 200 });
  t.ok((await mediaPorts(shell)).length >= 4, 'RTP and RTCP of both legs');
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await mediaPortsLeft(shell), [], 'BYE frees the media ports');

  for (const worker of workers) {
    t.equal((await shell.run(`kill -KILL ${worker}`)).status, 0);
    t.match(await reception.call('202'), { status: 200 }, 'a call right after a media worker was killed');
    await Promise.all([reception.play('adbfc'), workshop.play('fcebd')]);
    await Promise.all([reception.hears('fcebd', HEARING_MS), workshop.hears('adbfc', HEARING_MS)]);
    t.equal(await pidOf(shell, 'ringdown'), runtime, 'the runtime goes on');
    await Promise.all([reception.bye(), workshop.ended()]);
  }

  const killedAtMs = performance.now();
  t.equal((await shell.run(`kill -KILL ${runtime}`)).status, 0);
  t.equal(await reception.registerWhenReachable(RESTART_MS), 200, 'a killed runtime comes back');
  const restarted = await pidOf(shell, 'ringdown');
  t.not(restarted, runtime);
  t.match(await reception.call('202'), { status: 200 }, '202 did not have to register again');
  await Promise.all([reception.play('adbfc'), workshop.play('fcebd')]);
  await Promise.all([reception.hears('fcebd', HEARING_MS), workshop.hears('adbfc', HEARING_MS)]);
  await Promise.all([reception.bye(), workshop.ended()]);
  // Last, since SIP comes up before the console's socket.
  const { uptimeSeconds, text } = await status(box);
  t.ok(uptimeSeconds <= (performance.now() - killedAtMs) / 1000, `the console talks to the new runtime:\n${text}`);

  const warehouse = await bench.phone('lan2', {
    user: '203',
    password: await addExtension(box, '203', 'Warehouse'),
    server: lan2.ipv4,
    codecs: ['PCMA'],
  });
  t.match(await warehouse.register(), { status: 200 });
  t.match(await warehouse.call('202'), { status: 200 }, 'a call on LAN2');
  await Promise.all([warehouse.play('adbfc'), workshop.play('fcebd')]);
  await Promise.all([warehouse.hears('fcebd', HEARING_MS), workshop.hears('adbfc', HEARING_MS)]);
  await changeLan1(t, shell);
  const drops = await command(box, `config set lan1.ipv4.address ${NEW_LAN1_IPV4}`);
  t.match(drops, /through LAN1 by the old addresses drops/);
  await Promise.all([warehouse.play('cfbda'), workshop.play('debfc')]);
  await Promise.all([warehouse.hears('debfc', HEARING_MS), workshop.hears('cfbda', HEARING_MS)]);
  await Promise.all([warehouse.bye(), workshop.ended()]);
  t.equal(await pidOf(shell, 'ringdown'), restarted, 'the runtime goes on');

  const moved = await bench.phone('lan1', {
    user: '201',
    password: receptionPassword,
    server: NEW_LAN1_IPV4,
    codecs: ['PCMA'],
  });
  t.equal(await moved.registerWhenReachable(RESTART_MS), 200, 'the runtime answers on the new address of LAN1');
  t.equal(await moved.options(), 200);
  t.match(await command(box, 'config confirm'), /Revision \d+ is confirmed/);
  t.match(await moved.call('202'), { status: 200 }, '202 did not have to register again');
  await Promise.all([moved.play('adbfc'), workshop.play('fcebd')]);
  await Promise.all([moved.hears('fcebd', HEARING_MS), workshop.hears('adbfc', HEARING_MS)]);
  await Promise.all([moved.bye(), workshop.ended()]);

  await editConfiguration(t, box);
  await damageConfiguration(t, box, shell);
  t.equal(await moved.registerWhenReachable(RESTART_MS), 200);

  // What nobody can read at the next boot does not cost a LAN its addresses.
  t.equal((await shell.run('echo "lan2 10.0.0.1/8" >/data/system/lan1; sync')).status, 0);
  // Nobody confirms this one.
  t.match(await command(box, `config set lan2.ipv4.address ${UNCONFIRMED_LAN2_IPV4}`), /config confirm/);
  const set = `until grep -qx ${UNCONFIRMED_LAN2_IPV4}/24 /run/network/lan2; do sleep 0.1; done`;
  t.equal((await shell.run(set)).status, 0, 'the edit is applied');
  await addExtension(box, '204', 'Store');
  // The plug is pulled in the instant of the answer.
  await box.close();
  const again = bench.start({ disk });
  t.equal(await logIn(again, CONSOLE_PASSWORD), true);
  t.match(await command(again, 'extension list'), /201\s+Front desk\n202\s+Workshop\n203\s+Warehouse\n204\s+Store/);
  t.match(await workshop.registerWhenReachable(RESTART_MS), 200);
  t.match(await moved.registerWhenReachable(RESTART_MS), 200, 'LAN1 has its new address');
  t.match(await warehouse.registerWhenReachable(RESTART_MS), 200, 'LAN2 got back the address that was not confirmed');
  t.match(await command(again, 'config log --limit 1'), /ringdown \(system\) .* was not confirmed/);
  t.match(await command(again, 'config show users.201.fullName'), /"Front desk"/);
  const after = await lanAddresses(again);
  t.same(after.lan1, { ipv4: NEW_LAN1_IPV4, ipv6: lan1.ipv6 });
  t.same(after.lan2, lan2, 'LAN2 has its first addresses');
  const complaints = again.serial.transcript.match(/board: .*/g);
  t.match(complaints, [/^board: \/data\/system\/lan1 /], 'no step and no service of the board failed');
  t.equal(complaints?.length, 1);
});

/** What a technician does to the configuration with a serial cable alone. */
async function editConfiguration(t: Test, box: Box): Promise<void> {
  t.match(await command(box, 'config set users.201.fullName "Front desk"'), /\+ users\.201\.fullName: "Front desk"/);
  const code = await typeHidden(box, 'config set users.201.loginCode -', '4712');
  t.match(code, /\+ users\.201\.loginCode: \(secret\)/);
  t.notMatch(code, /4712|scrypt/);
  const text = await command(box, 'config export');
  t.match(text, /^ {4}fullName: Front desk\r?$/m);
  t.match(text, /^ {4}address: 192\.168\.50\.1 /m);
  const file = ['format: 1', 'directory:', '  Carrier:', '    number: "08001234"'];
  t.match(
    await paste(box, 'config import - --dry-run', file),
    /\+ directory\.Carrier\.number: "08001234"[\s\S]*Dry run/,
  );
  t.match(await paste(box, 'config import -', file), /Revision \d+\./);
  t.match(await command(box, 'config log --limit 1'), /admin \(import\)/);
  t.match(await command(box, 'config show directory'), /directory\.Carrier\.number: "08001234"/);
  t.match(await command(box, 'config set system.media.portLow 7'), /must be a whole number from 1024 to 65534/);
}

/** The box comes up from its newest backup when the database is damaged, keeps the damaged one and says so. */
async function damageConfiguration(t: Test, box: Box, shell: RootShell): Promise<void> {
  t.match(await command(box, 'backup create'), /Backup \S+ is made/);
  const damage = [
    'sv -w 60 down /run/service/ringdown',
    'cd /data/ringdown && dd if=/dev/zero of=ringdown.db bs=4096 seek=1 count=8 conv=notrunc && rm -f ringdown.db-wal ringdown.db-shm',
    'sv up /run/service/ringdown',
    'until [ -S /run/ringdown/control.sock ]; do sleep 0.2; done',
  ];
  t.equal((await shell.run(damage.join('; '))).status, 0);
  t.match(await command(box, 'notices'), /damaged[\s\S]*backup/);
  t.match(await command(box, 'status'), /Notice of/);
  t.match(await command(box, 'notices --clear'), /Notice of/);
  t.match((await shell.run('ls /data/ringdown')).output, /ringdown\.db\.damaged-/);
  t.match(await command(box, 'config show users.201.fullName'), /"Front desk"/);
}

/** Asks the board for other addresses of LAN1, as the runtime does, and leaves it with its first ones. */
async function changeLan1(t: Test, shell: RootShell): Promise<void> {
  const nonsense = [
    ...['', 'lan1', 'lan1 127.0.0.1/8', 'lan1 192.168.50.1/24;reboot', 'lan3 192.168.50.1/24', '$(reboot)'],
    ...['x'.repeat(500), `${'x'.repeat(240)}lan1 10.0.0.1/8`, '\\377'],
  ];
  for (const request of nonsense) await ask(shell, request);
  const changes: readonly (readonly string[])[] = [
    ['192.168.50.9/24', 'ula', 'fd00:50::1/64'],
    // An address of the same subnet as the one that goes, and one address with another prefix length.
    ['10.0.0.1/8', 'ula'],
    ['10.0.0.2/8', 'ula', 'fd00:50::1/64'],
    ['ula', 'fd00:50::1/48'],
    ['192.168.42.1/24', 'ula'],
  ];
  for (const addresses of changes) {
    const request = ['lan1', ...addresses].join(' ');
    await ask(shell, request);
    const kept = `until [ "$(cat /data/system/lan1)" = "${request}" ]; do sleep 0.1; done`;
    t.equal((await shell.run(kept)).status, 0, `${request} is kept`);
    const { output } = await shell.run('cat /run/network/lan1; echo; ip -o address show dev eth0');
    const [noted = '', shown = ''] = output.split('\n\n');
    const present = [...shown.matchAll(/ inet6? (\S+)/g)].map(([, address = '']) => address);
    const global = present.filter((address) => !address.startsWith('fe80:'));
    t.same(global.toSorted(), noted.trim().split('\n').toSorted(), 'the interface has what is noted, and no more');
    const own = addresses.map((address) => (address === 'ula' ? 'fd[0-9a-f:]+:42::1/64' : address));
    t.match(noted.trim().split('\n').join(' '), new RegExp(`^${own.join(' ')}$`));
  }

  const files = 'ls -i /data/system/lan1 /run/network/lan1';
  const before = await shell.run(files);
  await ask(shell, ['lan1', ...(changes.at(-1) ?? [])].join(' '));
  await ask(shell, 'the end');
  const log =
    'until tail -n 1 /data/log/network/current | grep -q "no request"; do sleep 0.1; done; grep -c lan1 /data/log/network/current';
  t.match(await shell.run(log), { output: new RegExp(`^${changes.length}$`, 'm') }, 'a line for each change');
  t.same((await shell.run(files)).output, before.output, 'asked for what is there, it writes nothing');
  t.match((await shell.run('sv status /run/service/network')).output, /^run: /, 'nonsense did not end the service');
}

/** Writes a line to the pipe of the service `network`. */
async function ask(shell: RootShell, request: string): Promise<void> {
  await shell.run(`printf '${request}\n' >/run/network/request`);
}

async function pidOf(shell: RootShell, service: string): Promise<string> {
  const { output } = await shell.run(`cat /run/service/${service}/supervise/pid`);
  const pid = /^[0-9]+$/m.exec(output)?.[0];
  if (pid === undefined) throw new Error(`${service} does not run: ${output}`);
  return pid;
}

/** The runtime has other children as well, such as the one that makes the first certificate, and those end by themselves. */
async function mediaWorkers(shell: RootShell): Promise<readonly string[]> {
  const { output } = await shell.run('grep -l "[m]edia-worker" /proc/[0-9]*/cmdline');
  const workers = [...output.matchAll(/^\/proc\/([0-9]+)\/cmdline$/gm)].map(([, worker]) => worker ?? '');
  if (workers.length === 0) throw new Error(`there is no media worker: ${output}`);
  return workers;
}

/** What the kernel of the box says is bound in its range of media ports, on IPv4 and IPv6. */
async function mediaPorts(shell: RootShell): Promise<readonly number[]> {
  const { output } = await shell.run('cat /proc/net/udp /proc/net/udp6');
  const ports = [...output.matchAll(/^ *[0-9]+: [0-9A-F]+:([0-9A-F]{4}) /gm)].map(([, hex]) =>
    Number.parseInt(hex ?? '', 16),
  );
  return ports.filter((port) => port >= FIRST_MEDIA_PORT && port <= LAST_MEDIA_PORT);
}

/** Those that are still bound after the time that the runtime may take to close a session. */
async function mediaPortsLeft(shell: RootShell): Promise<readonly number[]> {
  const deadline = performance.now() + 10_000;
  let ports = await mediaPorts(shell);
  while (ports.length > 0 && performance.now() < deadline) ports = await mediaPorts(shell);
  return ports;
}
