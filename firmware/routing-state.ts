import type { RoutingState } from './call/routing/plan.ts';
import { deviceKey } from './registrar/binding.ts';
import { deviceOf } from './registrar/device-class.ts';
import { reachableDevices } from './registrar/reachable-devices.ts';
import type { Signalling } from './signalling.ts';

/** The present for routing, read from what runs. Of an extension with several devices the first is taken for the busy one. */
export function routingState({ location, lines, stack, calls }: Signalling): RoutingState {
  const callsOf = (extension: string) =>
    [...calls.calls].filter(({ summary: { from, to } }) => from === extension || to === extension).length;
  return {
    devicesOf: (extension) =>
      reachableDevices(location.lookup(extension).filter(({ flow }) => stack.isOpen(flow))).map(
        ({ ways: [binding] }, index) => ({
          id: deviceKey(binding),
          deviceClass: deviceOf({ ...binding, protocol: binding.flow.protocol }).deviceClass,
          calls: index === 0 ? callsOf(extension) : 0,
        }),
      ),
    lineState: (line) => lines.state(line),
    waitingIn: () => 0,
    emergencyCallBack: () => undefined,
  };
}
