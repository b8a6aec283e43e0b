import t from 'tap';
import { BoxKey } from '../../../firmware/config/secrets/box-key.ts';
import { makeSecret } from '../../../firmware/config/secrets/make-secret.ts';
import { office } from '../../phones/sample-office.ts';

const DEFAULT = ['system', 'sip', 'defaultExtensionPassword'];

t.test(
  'a default extension password must do for extensions, other secrets of its kind are somebody else’s',
  async (t) => {
    const context = { configuration: office(), realm: 'r', boxKey: () => BoxKey.open(t.testdir()) };
    for (const password of ['1', '12345678', '123456789', '111111111', 'Pässwörter im Büro']) {
      await t.rejects(makeSecret('recoverable', DEFAULT, password, context), { code: /^CONFIG_PASSWORD_/ }, password);
    }
    t.match(await makeSecret('recoverable', DEFAULT, '271828182845', context), /^sealed\$/);
    t.match(await makeSecret('recoverable', ['lines', '1', 'password'], '1', context), /^sealed\$/);
  },
);
