import { parseSipUri } from '../sip/stack.ts';
import { type Binding, deviceKey } from './binding.ts';
import { type DeviceClass, deviceOf } from './device-class.ts';

/** A binding of any extension of a user. */
export interface UserBinding {
  readonly extension: string;
  readonly binding: Binding;
}

export interface SimultaneousLimits {
  /** Devices of one class that the user has at a time. */
  readonly devicesPerClass: number;
  /** Whether a binding is of a client that is its user's only device. */
  readonly isSole: (binding: UserBinding) => boolean;
}

/**
 * Which bindings of a user give way to the device that has just registered (seeds: simultaneous mode, feature sets). `others`
 * are those of the user beside it, the newest first.
 */
export function displacedBy(
  fresh: UserBinding,
  others: readonly UserBinding[],
  { devicesPerClass, isSole }: SimultaneousLimits,
): readonly UserBinding[] {
  const strangers = others.filter((other) => !isSameDevice(fresh, other));
  if (strangers.length === 0 || isSole(fresh)) return strangers;
  const own = classOf(fresh.binding);
  const staying = new Set<string>();
  if (devicesPerClass > 1) strangers.sort((a, b) => Number(isEarlierLife(a, fresh)) - Number(isEarlierLife(b, fresh)));
  return strangers.filter((other) => {
    if (isSole(other)) return true;
    if (classOf(other.binding) !== own) return false;
    const key = deviceKey(other.binding);
    if (staying.has(key)) return false;
    if (staying.size >= devicesPerClass - 1) return true;
    staying.add(key);
    return false;
  });
}

/** Two lines of one phone come from one port of it, each under a Call-ID of its own. */
function isSameDevice(one: UserBinding, other: UserBinding): boolean {
  if (deviceKey(one.binding) === deviceKey(other.binding)) return true;
  return one.extension !== other.extension && !isTold(one.binding) && !isTold(other.binding) && isSameWay(one, other);
}

/** Whether it says itself which device it is, or shares its way with whatever stands behind the same proxy. */
function isTold({ instance, path }: Binding): boolean {
  return instance !== undefined || path !== undefined;
}

function isSameWay({ binding: { flow: one } }: UserBinding, { binding: { flow: other } }: UserBinding): boolean {
  return (
    one.protocol === other.protocol && one.remoteAddress === other.remoteAddress && one.remotePort === other.remotePort
  );
}

/**
 * What a phone left behind that starts anew under another Call-ID and from another port, without an instance id: it gives way
 * before a device that is there.
 */
function isEarlierLife({ extension, binding }: UserBinding, fresh: UserBinding): boolean {
  return (
    extension === fresh.extension &&
    !isTold(binding) &&
    !isTold(fresh.binding) &&
    binding.flow.remoteAddress === fresh.binding.flow.remoteAddress &&
    binding.userAgent === fresh.binding.userAgent &&
    parseSipUri(binding.contact)?.host === parseSipUri(fresh.binding.contact)?.host
  );
}

function classOf({ userAgent, capabilities, flow }: Binding): DeviceClass {
  return deviceOf({ userAgent, capabilities, protocol: flow.protocol }).deviceClass;
}
