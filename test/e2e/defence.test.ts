import { runRingdown } from '../support/ringdown.ts';
import { officeTest } from './office.ts';

const SERVER = { server: '127.0.0.1' } as const;

officeTest(
  'who is blocked is listed with the reason and can be answered again; an edit counts at once',
  async (t, office) => {
    const { dataDirectory } = office.ringdown;
    const run = async (...words: readonly string[]): Promise<string> => {
      const { status, stdout, stderr } = await runRingdown([...words, '--data', dataDirectory]);
      if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`);
      return stdout;
    };
    const list = async (): Promise<string> => (await run('defence', 'list')).split('\n').slice(0, -4).join('\n');
    t.equal(await list(), '');
    await run('config', 'set', 'system.sip.defence.failedLogins', '3');

    const guesser = await office.phone('201', { localAddress: '127.0.0.5', ...SERVER });
    for (let guess = 0; guess < 2; guess += 1) await guesser.register({ password: `guess ${guess}` });
    t.equal(await list(), '');
    t.equal((await guesser.register({ password: 'guess 3' })).status, 401);
    t.match(await list(), /^127\.0\.0\.5 {2}since .* until .* {2}3 failed logins {2}0 refused$/);
    await office.ringdown.logs(/"source":"127\.0\.0\.5","reason":"3 failed logins".*"msg":"blocked/, 5000);
    t.match(JSON.parse(await run('defence', 'list', '--json')), { source: '127.0.0.5', reason: '3 failed logins' });

    t.match(await runRingdown(['defence', 'unblock', '127.0.0.6', '--data', dataDirectory]), {
      status: 1,
      stderr: /127\.0\.0\.6.* is not blocked/,
    });
    t.equal(await run('defence', 'unblock', '127.0.0.5'), '1 block is ended.\n');
    t.equal(await list(), '');
    t.equal((await guesser.register()).status, 200, 'the right password is taken again');

    // From where somebody has logged in, only the name that fails is blocked.
    const neighbour = await office.phone('202', { localAddress: '127.0.0.5', ...SERVER });
    for (let guess = 0; guess < 3; guess += 1) await neighbour.register({ password: 'mistyped' });
    t.match(await list(), /^127\.0\.0\.5 as 202 {2}since .* 3 failed logins/);
    t.equal((await guesser.register()).status, 200, 'the phone that works goes on');
    const third = await office.phone('203', { localAddress: '127.0.0.5', ...SERVER });
    t.equal((await third.register()).status, 200, 'and another one there comes in');
    await run('config', 'set', 'system.sip.defence.allowList', '127.0.0.0/8');
    t.equal(await list(), '', 'the allow list ends blocks');
    t.equal((await neighbour.register()).status, 200);
  },
);
