/**
 * Edits the configuration in the directory of its argument as fast as it can, until it is killed, and prints the number of
 * each revision when its edit was answered. What an edit writes is the number of its revision.
 */
import { writeSync } from 'node:fs';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { AUTHOR, mark } from './office.ts';

const store = ConfigurationStore.open(process.argv[2] ?? '');
for (;;) {
  const next = store.revision + 1;
  const { revision } = store.edit({ author: AUTHOR, change: (configuration) => mark(configuration, next) });
  writeSync(1, `${revision}\n`);
}
