import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { numberSound } from '../../media/client.ts';
import type { ReachableDevice } from '../../registrar/reachable-devices.ts';
import type { CallServer } from '../call-server.ts';
import { mediaSettings } from '../leg/media-settings.ts';
import type { OutgoingLegOptions } from '../leg/outgoing-leg.ts';
import type { EmergencyCall } from '../routing/plan.ts';
import { extensionsOf, nameOf, userOf } from '../routing/planning.ts';
import { deviceWays } from '../step/device-way.ts';
import { AlarmRing } from './alarm-ring.ts';

export interface EmergencyAlarmOptions {
  readonly calls: Pick<CallServer, 'services' | 'state' | 'partyOf' | 'legsOf'>;
  readonly configuration: () => Configuration;
  /** For people who were not at a telephone. */
  readonly onNotice: (code: string, message: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Whoever has not answered by then is not at the telephone. */
const RING_MS = 120_000;
/** How often the number of the extension is said to whoever answers. */
const TIMES_SAID = 3;
const MAX_SAID_DIGITS = 12;
/** More people than an office has for this; each device of theirs takes a media port. */
const MAX_TOLD = 32;
/** Alarms that ring at once: more are in the log and on the displays, and do not ring. */
const MAX_RINGING = 4;
/** Characters of a name, which small displays cut off. */
const MAX_NAME = 80;

interface AlarmedDevice {
  readonly extension: string;
  readonly id: string;
  readonly device: ReachableDevice;
}

/** Tells people of a call for help: in the log, by a notice, and at the telephones of those whom the configuration names. */
export class EmergencyAlarm {
  readonly #options: EmergencyAlarmOptions;
  /** What ends each alarm that rings, by the extension that called. */
  readonly #ringing = new Map<string, () => void>();

  constructor(options: EmergencyAlarmOptions) {
    this.#options = options;
  }

  /** Never throws: nothing of it may stand in the way of help. */
  raise(call: EmergencyCall): void {
    const { logger, onNotice, configuration } = this.#options;
    try {
      const current = configuration();
      const { number, extension, location, address } = call;
      const text = describe(current, call);
      logger.warn({ number, extension, location, address }, 'emergency call');
      onNotice('EMERGENCY_CALL', text);
      const users = usersOf(current, call);
      for (const user of users) this.#write(current, user, text);
      this.#ring(current, call, users, text);
    } catch (error) {
      logger.error({ err: error }, 'an emergency call could not be told of');
    }
  }

  /** Idempotent. */
  close(): void {
    for (const end of [...this.#ringing.values()]) end();
  }

  /** A MESSAGE (RFC 3428) to each device, which shows it in a call too; one that takes none rings all the same. */
  #write(configuration: Configuration, user: string, text: string): void {
    const { calls, logger } = this.#options;
    const { stack } = calls.services;
    for (const { extension, device } of this.#devicesOf(configuration, user)) {
      const [{ flow, contact, path = [] }] = device.ways;
      const address = stack.advertisedAddress(flow.localAddress);
      const host = address.includes(':') ? `[${address}]` : address;
      const message = {
        method: 'MESSAGE',
        flow,
        requestUri: contact,
        from: { displayName: 'Emergency', uri: `sip:${host}` },
        to: { uri: `sip:${extension}@${host}` },
        headers: [['Priority', 'emergency'] as const, ...path.map((value) => ['Route', value] as const)],
        body: text,
        contentType: 'text/plain;charset=UTF-8',
      };
      stack.request(message).then(
        ({ status }) => logger.info({ extension, status }, 'told of an emergency call'),
        (error: unknown) => logger.warn({ err: error, extension }, 'not told of an emergency call'),
      );
    }
  }

  /** Everybody rings until he himself has answered: it is for each of them. */
  #ring(configuration: Configuration, call: EmergencyCall, users: readonly string[], text: string): void {
    const { clock, logger, calls } = this.#options;
    const { extension } = call;
    // Whoever calls for help himself hears help, and nothing else.
    const rung = users.filter((user) => !calls.legsOf(user).some(({ party }) => party.isEmergency === true));
    // Who calls again at once rings already.
    if (rung.length === 0 || this.#ringing.has(extension) || this.#ringing.size >= MAX_RINGING) return;
    const { locale } = configuration.system;
    const digits = [...extension.replace(/[^0-9]/g, '')].slice(0, MAX_SAID_DIGITS);
    const number = digits.map((digit) => numberSound(locale, Number(digit)));
    const says = Array.from({ length: TIMES_SAID }, () => number).flat();
    const onFailed = (error: unknown): void =>
      logger.warn({ err: error }, 'somebody could not be rung for an emergency call');
    // The next call for help finds no place taken by what rings no more.
    let left = rung.length;
    const onOver = (): void => {
      left -= 1;
      if (left === 0) end();
    };
    const rings = rung.map((user) => {
      const devices = this.#devicesOf(configuration, user).map((each) =>
        this.#call(configuration, user, call, each, text),
      );
      return new AlarmRing({ devices, says, onFailed, onOver });
    });
    const end = (): void => {
      this.#ringing.delete(extension);
      timer.cancel();
      for (const ring of rings) ring.stop();
    };
    const timer = clock.schedule(RING_MS, end);
    this.#ringing.set(extension, end);
  }

  #call(
    configuration: Configuration,
    user: string,
    { extension }: EmergencyCall,
    { extension: own, id, device }: AlarmedDevice,
    text: string,
  ): OutgoingLegOptions {
    const { calls } = this.#options;
    const { services } = calls;
    const alarm = {
      shown: { number: extension, name: text.slice(0, MAX_NAME), isWithheld: false },
      party: { number: user, name: nameOf(configuration, user) },
      alert: 'emergency',
      autoAnswer: false,
      diversions: [],
      maxForwards: 70,
    } as const;
    return {
      services,
      party: { ...calls.partyOf(own), device: id },
      settings: mediaSettings(configuration, own),
      ways: deviceWays(device, alarm, services.stack),
    };
  }

  #devicesOf(configuration: Configuration, user: string): readonly AlarmedDevice[] {
    const { state } = this.#options.calls;
    return extensionsOf(configuration, user).flatMap((extension) =>
      state.devicesOf(extension).flatMap(({ id }): readonly AlarmedDevice[] => {
        const device = state.device(extension, id);
        return device === undefined ? [] : [{ extension, id, device }];
      }),
    );
  }
}

/** In one line: what a display has room for first. */
function describe(configuration: Configuration, { number, extension, location, address }: EmergencyCall): string {
  const user = configuration.extensions[extension]?.user;
  const name = user === undefined ? '' : ` ${nameOf(configuration, user)}`;
  const place = [location, address].filter((part) => part !== undefined && part !== '').join(', ');
  return `Emergency ${number}: ${extension}${name}${place === '' ? '' : `, ${place}`}`;
}

/** Each once; whoever calls himself knows of it. */
function usersOf(configuration: Configuration, { notify, extension }: EmergencyCall): readonly string[] {
  const { huntGroups, extensions } = configuration;
  const users = notify.flatMap((number) => {
    if (userOf(configuration, number) !== undefined) return [number];
    const group = Object.hasOwn(huntGroups, number) ? huntGroups[number] : undefined;
    return group?.members.map(({ user }) => user) ?? [];
  });
  const caller = extensions[extension]?.user;
  return [...new Set(users)].filter((user) => user !== caller).slice(0, MAX_TOLD);
}
