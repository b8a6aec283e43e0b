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
  const device = deviceKey(fresh.binding);
  const strangers = others.filter(({ binding }) => deviceKey(binding) !== device);
  if (strangers.length === 0 || isSole(fresh)) return strangers;
  const own = classOf(fresh.binding);
  const staying = new Set<string>();
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

function classOf({ userAgent, capabilities, flow }: Binding): DeviceClass {
  return deviceOf({ userAgent, capabilities, protocol: flow.protocol }).deviceClass;
}
