import type { Configuration } from '../../config/schema/configuration.ts';
import type { Leg } from '../leg/leg.ts';
import type { Caller, DeviceState, Plan, RingStep, RoutingState } from '../routing/plan.ts';
import { extensionsOf, nameOf } from '../routing/planning.ts';

/** A device of a user that can be called now. */
export interface UserDevice {
  readonly extension: string;
  readonly id: string;
  readonly deviceClass: DeviceState['deviceClass'];
  readonly calls: number;
}

/** Where a leg of a user is. */
export type Place = DeviceState['deviceClass'] | 'other-phone' | 'unknown';

/** A telephone that is rung for a call of its user has this long. */
const FIRST_SECONDS = 30;

/** Those of all his extensions. */
export function devicesOf(configuration: Configuration, state: RoutingState, user: string): readonly UserDevice[] {
  return extensionsOf(configuration, user).flatMap((extension) =>
    state.devicesOf(extension).map((device) => ({ extension, ...device })),
  );
}

/** Where a leg of a user is, of whom these are the devices. */
export function placeOf({ party }: Leg, devices: readonly UserDevice[], extensions: readonly string[]): Place {
  if (party.line !== undefined || (party.extension !== undefined && !extensions.includes(party.extension))) {
    return 'other-phone';
  }
  return devices.find(({ id }) => id === party.device)?.deviceClass ?? 'unknown';
}

/** Rings these devices for their user, and nothing after them. */
export function stepTo(
  configuration: Configuration,
  user: string,
  devices: readonly UserDevice[],
  autoAnswer: boolean,
): RingStep {
  return {
    kind: 'ring',
    party: { number: user, name: nameOf(configuration, user) },
    targets: devices.map(({ extension, id, calls }) => ({
      kind: 'device',
      extension,
      device: id,
      isWaiting: calls > 0,
      delaySeconds: 0,
    })),
    noAnswerSeconds: FIRST_SECONDS,
    alert: 'ring-back',
    autoAnswer,
    declineStatus: 603,
    diversions: [],
    after: {},
  };
}

/** Rings the other telephone that a user has named, by the plan of what he would reach by dialling it; a refusal in words where he may not. */
export function stepToOtherPhone(
  configuration: Configuration,
  user: string,
  { step }: Plan,
): RingStep | { readonly kind: 'no-telephone'; readonly reason: string; readonly status: number } {
  const rings = stepTo(configuration, user, [], false);
  const refused = (reason: string, status: number) => ({ kind: 'no-telephone' as const, reason, status });
  switch (step.kind) {
    case 'ring':
      return { ...rings, targets: step.targets.map((target) => ({ ...target, isOtherPhone: true })) };
    case 'line':
      if (step.call.emergency !== undefined) return refused('help is no telephone of a user', 403);
      return { ...rings, targets: [{ kind: 'line', call: step.call, delaySeconds: 0, isOtherPhone: true }] };
    case 'refuse':
      return refused(`the number leads nowhere for this user: ${step.reason}`, step.status);
    default:
      return refused('the number is that of no telephone', 403);
  }
}

/** A user as routing knows who calls. */
export type CallingUser = Extract<Caller, { readonly kind: 'user' }>;
