import type { Configuration } from '../config/schema/configuration.ts';
import { NetworkList } from '../core/network-list.ts';
import type { Flow } from '../sip/stack.ts';
import { remoteRefusalOf } from './admission.ts';

type Lan = 'lan1' | 'lan2';

/** Who may log in as an extension at all, whatever the request is for. */
export class Access {
  readonly #configuration: () => Configuration;
  readonly #lanOf: (address: string) => Lan | undefined;

  /** `lanOf`: the LAN of an address of ours; undefined where it is of neither. */
  constructor(configuration: () => Configuration, lanOf: (address: string) => Lan | undefined = () => undefined) {
    this.#configuration = configuration;
    this.#lanOf = lanOf;
  }

  /** Why nobody may log in over this way, known or not. */
  wayRefusal({ localAddress }: Flow): string | undefined {
    const lan = this.#lanOf(localAddress);
    return lan === undefined || this.#configuration()[lan].sipRegistrar
      ? undefined
      : `the SIP registrar is not enabled on ${lan.toUpperCase()}`;
  }

  /** Whether the extension may be used from there. Where not, it answers as one that does not exist. */
  isAdmitted(extension: string, { remoteAddress }: Flow): boolean {
    const restriction = this.#configuration().extensions[extension]?.addressRestriction ?? [];
    return restriction.length === 0 || listOf(restriction).has(remoteAddress);
  }

  /** Why whoever knows the password of this extension may not use it from there all the same, neither to register nor to call. */
  accountRefusal(extension: string, { remoteAddress }: Flow): string | undefined {
    const configuration = this.#configuration();
    const settings = configuration.extensions[extension];
    if (settings === undefined) return undefined;
    const { user } = settings;
    if (user !== undefined && configuration.users[user]?.enabled === false) {
      return `the account of user ${user} is not enabled`;
    }
    return remoteRefusalOf(configuration, extension, remoteAddress);
  }
}

const kept = new WeakMap<readonly string[], NetworkList>();

/** Made once for as long as the networks stay. */
function listOf(networks: readonly string[]): NetworkList {
  let list = kept.get(networks);
  if (list === undefined) {
    list = new NetworkList();
    for (const network of networks) list.add(network);
    kept.set(networks, list);
  }
  return list;
}
