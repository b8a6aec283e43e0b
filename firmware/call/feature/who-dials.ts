import type { Configuration } from '../../config/schema/configuration.ts';
import type { Leg } from '../leg/leg.ts';

/**
 * Whoever waits has dialled the code himself, at a telephone of his that a client of his may have had rung first. Not so a party that
 * somebody else sent to a code of his: it would act in his name.
 */
export function dialsHimself({ isUp, party }: Leg, user: string | undefined): boolean {
  return !isUp || (user !== undefined && party.user === user);
}

/** Two who are both outside would go in over one line and out by another. */
export function mayTalk({ system }: Configuration, one: Leg, other: Leg): boolean {
  const areOutside = one.party.line !== undefined && other.party.line !== undefined;
  return !areOutside || system.telephony.trunkToTrunk !== 'never';
}
