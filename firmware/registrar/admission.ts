import { rightsOf } from '../config/licensing.ts';
import { isRemoteClient } from '../config/remote-client.ts';
import type { Configuration } from '../config/schema/configuration.ts';
import type { Device, DeviceClass } from './device-class.ts';

type User = Configuration['users'][string];

const NAMES: Readonly<Record<DeviceClass, string>> = {
  desk: 'a desk phone',
  desktop: 'a client on a desktop',
  mobile: 'a mobile client',
  webrtc: 'a WebRTC client',
};

/**
 * Why this device may not register as `extension`, in words for whoever set the box up; undefined where it may. The
 * extension exists, and the device has proved that it knows the password.
 */
export function refusalOf(
  configuration: Configuration,
  extension: string,
  device: Device,
  remoteAddress: string,
): string | undefined {
  const settings = configuration.extensions[extension];
  if (settings === undefined) return `there is no extension ${extension}`;
  const user = settings.user === undefined ? undefined : configuration.users[settings.user];
  if (user?.enabled === false) return `the account of user ${settings.user} is not enabled`;
  if (settings.class !== 'any' && settings.class !== device.deviceClass) {
    return `extension ${extension} is for device class ${settings.class}, and this is ${NAMES[device.deviceClass]}`;
  }
  const remote = remoteRefusalOf(configuration, extension, remoteAddress);
  if (remote !== undefined) return remote;
  if (configuration.system.licensing === 'open' || device.client === undefined) return undefined;
  if (user === undefined) return `extension ${extension} has no user who may use ${NAMES[device.deviceClass]}`;
  return clientRefusal(configuration, settings.user ?? '', user, device);
}

/** Why the extension may not be used from there, whatever for; undefined where it may. */
export function remoteRefusalOf(
  configuration: Configuration,
  extension: string,
  remoteAddress: string,
): string | undefined {
  const number = configuration.extensions[extension]?.user;
  const user = number === undefined ? undefined : configuration.users[number];
  if (user?.clients.remoteWorker === true || !isRemoteClient(withoutZone(remoteAddress), configuration))
    return undefined;
  return user === undefined
    ? `extension ${extension} has no user who may be a remote worker`
    : `remote worker is not enabled for user ${number}`;
}

/** Seeds, user licensing: the profile says which clients there are for the user, the flags which of them are wanted. */
function clientRefusal(configuration: Configuration, number: string, user: User, device: Device): string | undefined {
  const rights = rightsOf(configuration, user.profile);
  const isMobile = device.deviceClass === 'mobile';
  // A browser is no basic client: those are for Windows and macOS.
  const isAllowed =
    device.deviceClass === 'webrtc' ? rights.features === 'advanced' : isMobile ? rights.mobile : rights.desktop;
  if (!isAllowed) return `profile ${user.profile} of user ${number} does not allow ${NAMES[device.deviceClass]}`;
  const flag = device.client === 'softphone' ? 'softphone' : isMobile ? 'mobile' : 'desktop';
  return user.clients[flag] ? undefined : `clients.${flag} is not enabled for user ${number}`;
}

/** A program that its user's profile gives basic features alone is the only device of that user. */
export function isSoleDevice(configuration: Configuration, extension: string, device: Device): boolean {
  if (device.client === undefined) return false;
  const number = configuration.extensions[extension]?.user;
  const user = number === undefined ? undefined : configuration.users[number];
  return user !== undefined && rightsOf(configuration, user.profile).features === 'basic';
}

/** The extensions of the user that `extension` belongs to, itself first. */
export function extensionsOfUser(configuration: Configuration, extension: string): readonly string[] {
  const user = configuration.extensions[extension]?.user;
  if (user === undefined) return [extension];
  const others = byUser(configuration.extensions).get(user) ?? [];
  return others.length <= 1 ? [extension] : [extension, ...others.filter((other) => other !== extension)];
}

const grouped = new WeakMap<Configuration['extensions'], ReadonlyMap<string, readonly string[]>>();

/** Worked out once for as long as the extensions stay. */
function byUser(extensions: Configuration['extensions']): ReadonlyMap<string, readonly string[]> {
  const known = grouped.get(extensions);
  if (known !== undefined) return known;
  const numbers = new Map<string, string[]>();
  for (const [number, { user }] of Object.entries(extensions)) {
    if (user === undefined) continue;
    const others = numbers.get(user);
    if (others === undefined) numbers.set(user, [number]);
    else others.push(number);
  }
  grouped.set(extensions, numbers);
  return numbers;
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}
