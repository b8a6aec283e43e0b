import type { Binding } from './binding.ts';

/** A device that can be called. */
export interface ReachableDevice {
  /** The flows that lead to it, the one to try first in front. */
  readonly ways: readonly [Binding, ...Binding[]];
}

/**
 * The devices behind these bindings, the preferred ones first: by q, 1 where there is none (RFC 3261 §16.6), then the
 * newest. Several flows of one device are one device: only one of them is called at a time (RFC 5626 §5.1).
 */
export function reachableDevices(bindings: readonly Binding[]): readonly ReachableDevice[] {
  const sorted = [...bindings].sort((a, b) => (b.q ?? 1) - (a.q ?? 1));
  const devices: [Binding, ...Binding[]][] = [];
  for (const binding of sorted) {
    const { instance, regId } = binding;
    const device =
      instance === undefined || regId === undefined
        ? undefined
        : devices.find(([first]) => first.instance === instance && first.regId !== undefined);
    if (device === undefined) devices.push([binding]);
    else device.push(binding);
  }
  return devices.map((ways) => ({ ways }));
}
