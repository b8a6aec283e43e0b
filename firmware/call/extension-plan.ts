import type { ExtensionIdentity } from '../config/extension.ts';
import type { DeviceState, Plan, RefuseStep, RoutingRequest } from './routing/plan.ts';

/** An extension rings on these devices of it, whatever its user has set: for a GRUU, which leads to one device (RFC 5627 §5.4). */
export function extensionPlan(
  { caller, state }: Pick<RoutingRequest, 'caller' | 'state'>,
  callee: Pick<ExtensionIdentity, 'name'> & { readonly number: string },
  shown: Plan['caller'],
  isMeant: (device: DeviceState) => boolean = () => true,
): Plan {
  const reachable = state.devicesOf(callee.number).filter(isMeant);
  // Nobody rings the very phone that is calling, though the user's other devices may.
  const own = caller.kind === 'line' ? undefined : caller.device;
  const devices = reachable.filter(({ id }) => id !== own);
  if (devices.length === 0) {
    const refuse: RefuseStep =
      reachable.length > 0
        ? { kind: 'refuse', status: 486, reason: 'busy', why: 'the only device is the one that calls' }
        : { kind: 'refuse', status: 480, reason: 'unreachable', why: 'no device is registered' };
    return { step: refuse, decisions: [{ about: 'refusal', depth: 0, text: refuse.why }], caller: shown };
  }
  return {
    step: {
      kind: 'ring',
      party: { number: callee.number, name: callee.name },
      targets: devices.map(({ id, calls }) => ({
        kind: 'device',
        extension: callee.number,
        device: id,
        isWaiting: calls > 0,
        delaySeconds: 0,
      })),
      noAnswerSeconds: 0,
      alert: caller.kind === 'line' ? 'external' : 'internal',
      autoAnswer: false,
      declineStatus: 603,
      diversions: [],
      after: {},
    },
    decisions: [{ about: 'number', depth: 0, text: `extension ${callee.number}` }],
    caller: shown,
  };
}
