import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { addExtension } from '../../../firmware/config/extension-edits.ts';
import { withValue } from '../../../firmware/config/path.ts';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { digestSecrets, encodeDigestSecrets } from '../../../firmware/config/secrets/sip-password.ts';
import { pin, SERVER_CORE } from '../../support/process-cost.ts';
import { Ringdown } from '../../support/ringdown.ts';
import { numbers, passwordOf, type Server } from './server.ts';

/**
 * build/ringdown with a data directory of its own that has every extension of the bench, on 127.0.0.1. `more` changes the
 * configuration further; `mediaPorts`: how many it has.
 */
export async function startRingdown(
  more: (configuration: unknown) => unknown = (configuration) => configuration,
  mediaPorts?: number,
): Promise<Server & { readonly ringdown: Ringdown }> {
  const ringdown = await Ringdown.create(['127.0.0.1'], undefined, mediaPorts);
  const store = ConfigurationStore.open(ringdown.dataDirectory);
  const { realm } = store;
  store.edit({
    author: { who: 'bench', origin: 'cli' },
    comment: 'bench',
    change: (before) => {
      // One address with the traffic of hundreds would be slowed down.
      const configuration = withValue<unknown>(before, ['system', 'sip', 'defence', 'allowList'], ['127.0.0.1']);
      return more(
        numbers().reduce<unknown>(
          (whole, number) =>
            addExtension(whole as Configuration, number, `User ${number}`, {
              password: encodeDigestSecrets(digestSecrets(number, realm, passwordOf(number))),
              passwordCopy: undefined,
            }),
          configuration,
        ),
      );
    },
  });
  store.close();
  await ringdown.start();
  await pin(ringdown.pid, SERVER_CORE);
  return { name: 'Ringdown', pid: ringdown.pid, port: ringdown.sipPort, ringdown, close: () => ringdown.close() };
}
