import type { Configuration } from '../../config/schema/configuration.ts';
import type { CallServer } from '../call-server.ts';
import type { RingStep, RingTarget } from '../routing/plan.ts';
import { extensionsOf, nameOf } from '../routing/planning.ts';

/** Rings the devices of a user for a party of his that comes back, whatever he has set for others; undefined where he has none. */
export function ringBack(
  calls: Pick<CallServer, 'state'>,
  configuration: Configuration,
  user: string,
): RingStep | undefined {
  const targets = extensionsOf(configuration, user).flatMap((extension): readonly RingTarget[] =>
    calls.state.devicesOf(extension).map(({ id, calls: count }) => ({
      kind: 'device',
      extension,
      device: id,
      isWaiting: count > 0,
      delaySeconds: 0,
    })),
  );
  if (targets.length === 0) return undefined;
  return {
    kind: 'ring',
    party: { number: user, name: nameOf(configuration, user) },
    targets,
    noAnswerSeconds: configuration.system.telephony.noAnswerSeconds,
    alert: 'ring-back',
    autoAnswer: false,
    declineStatus: 486,
    diversions: [],
    after: {},
  };
}
