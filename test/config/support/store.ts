import { ConfigurationStore, type StoreOptions } from '../../../firmware/config/configuration-store.ts';
import { addExtension } from '../../../firmware/config/extension-edits.ts';
import { type Path, withValue } from '../../../firmware/config/path.ts';
import type { Author } from '../../../firmware/config/revision-log.ts';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { makeSipPassword } from '../../../firmware/config/secrets/make-secret.ts';

export const AUTHOR: Author = { who: 'test', origin: 'cli' };
export const PASSWORD = 'correct horse';

/** A store that is closed when the test ends. */
export function openStore(
  t: { testdir(): string; teardown(handler: () => void): void },
  options: StoreOptions & { readonly directory?: string } = {},
): ConfigurationStore {
  const store = ConfigurationStore.open(options.directory ?? t.testdir(), options);
  t.teardown(() => store.close());
  return store;
}

export function addUser(store: ConfigurationStore, number: string, name: string, password = PASSWORD): void {
  const context = {
    configuration: store.current,
    realm: store.realm,
    boxKey: () => {
      throw new Error('nothing is to be encrypted');
    },
  };
  const made = makeSipPassword(number, password, context, name);
  store.edit({ author: AUTHOR, change: (configuration) => addExtension(configuration, number, name, made) });
}

export function set(store: ConfigurationStore, path: Path, value: unknown) {
  return store.edit({
    author: AUTHOR,
    change: (configuration: Configuration) => withValue<unknown>(configuration, path, value),
  });
}
