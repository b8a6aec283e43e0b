import type { DevicesView } from './console/commands/devices.ts';
import type { Clock } from './core/clock.ts';
import { deviceOf } from './registrar/device-class.ts';
import type { Signalling } from './signalling.ts';

/** The devices that are registered, for people to see and to log out. */
export function registeredDevices({ location, registrar, stack }: Signalling, clock: Clock): DevicesView {
  return {
    list: () =>
      [...location.entries()].sort(byNumber).flatMap(([extension, bindings]) =>
        bindings.map(({ flow, expiresAtMs, userAgent, capabilities, contact }) => ({
          extension,
          deviceClass: deviceOf({ userAgent, capabilities, protocol: flow.protocol }).deviceClass,
          via: `${flow.protocol} ${hostPort(flow.remoteAddress, flow.remotePort)}`,
          expiresInSeconds: Math.ceil((expiresAtMs - clock.now()) / 1000),
          isReachable: stack.isOpen(flow),
          ...(userAgent === undefined ? {} : { userAgent }),
          contact,
        })),
      ),
    forget: (extension) => registrar.forget(extension, 'deactivated'),
  };
}

function byNumber([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one.length - other.length || one.localeCompare(other);
}

function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
