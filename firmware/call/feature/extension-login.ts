import type { ConfigurationStore } from '../../config/configuration-store.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import { PinGuard } from '../pin-guard.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { tellOutcome } from './confirmation.ts';

export interface ExtensionLoginOptions {
  readonly calls: Pick<CallServer, 'runners'>;
  readonly store: Pick<ConfigurationStore, 'edit'>;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The number of a user and his login code, as they are dialled. */
const LOGIN = /^([0-9]{2,15})\*([0-9]{1,15})$/;

/** Whoever sits down at a telephone that is nobody's own makes it his by a short code, and leaves it by another one. */
export class ExtensionLogin implements StepRunner<FeatureStep> {
  readonly #options: ExtensionLoginOptions;
  readonly #codes: PinGuard;

  constructor(options: ExtensionLoginOptions) {
    this.#options = options;
    this.#codes = new PinGuard('login code', options.clock, options.logger);
  }

  register(): void {
    const { runners } = this.#options.calls;
    for (const feature of ['extension-login', 'extension-logout'] as const) runners.registerFeature(feature, this);
  }

  run(step: FeatureStep, context: StepContext): RunningStep {
    const { clock } = this.#options;
    let telling: RunningStep | undefined;
    let isStopped = false;
    // Nobody whom somebody transfers here changes whose telephone that is.
    const isHere = !context.waiting.isUp && context.waiting.party.extension === step.extension;
    const work = (isHere ? this.#obey(step) : Promise.resolve(false)).then((isDone) => {
      if (!isStopped) telling = tellOutcome(context, clock, isDone);
    });
    context.run(work);
    return {
      stop: (how) => {
        isStopped = true;
        telling?.stop(how);
      },
    };
  }

  async #obey({ feature, argument, user, extension }: FeatureStep): Promise<boolean> {
    if (feature === 'extension-logout') {
      return (
        user !== undefined && this.#edit(user, `logs out of extension ${extension}`, (c) => loggedOut(c, extension))
      );
    }
    const [, number, code] = LOGIN.exec(argument) ?? [];
    if (number === undefined || code === undefined) return false;
    const { users } = this.#options.configuration();
    const settings = Object.hasOwn(users, number) ? users[number] : undefined;
    if (settings?.enabled !== true) return false;
    const stored = { hashed: settings.loginCode };
    if ((await this.#codes.verify({ owner: number, pin: code, stored })) !== 'right') return false;
    return this.#edit(number, `logs in on extension ${extension}`, (c) => loggedIn(c, extension, number));
  }

  #edit(who: string, what: string, change: (before: Configuration) => Configuration | undefined): boolean {
    const { store, logger } = this.#options;
    try {
      let isAllowed = true;
      store.edit({
        author: { who: `user ${who}`, origin: 'system' },
        comment: what,
        change: (configuration) => {
          const changed = change(configuration);
          isAllowed = changed !== undefined;
          return changed ?? configuration;
        },
      });
      logger.info({ user: who, isAllowed }, what);
      return isAllowed;
    } catch (error) {
      logger.warn({ user: who, err: error }, `not done: ${what}`);
      return false;
    }
  }
}

/** That user's from then on, unless whose it is could not come back, without a login code: undefined. */
export function loggedIn(configuration: Configuration, number: string, user: string): Configuration | undefined {
  const { extensions, users } = configuration;
  const before = Object.hasOwn(extensions, number) ? extensions[number]?.user : undefined;
  if (before !== undefined && before !== user && users[before]?.loginCode === undefined) return undefined;
  return withUser(configuration, number, user);
}

/** The extension is that user's, or nobody's. Undefined where there is no such extension. */
function withUser(configuration: Configuration, number: string, user: string | undefined): Configuration | undefined {
  const { extensions } = configuration;
  const extension = Object.hasOwn(extensions, number) ? extensions[number] : undefined;
  if (extension === undefined) return undefined;
  const { user: _before, ...rest } = extension;
  const changed = user === undefined ? rest : { ...rest, user };
  return { ...configuration, extensions: { ...extensions, [number]: changed } };
}

/**
 * Nobody's from then on. The extension of a user's own number is always his, and whoever could not come back, without a login code,
 * stays where he is: undefined.
 */
export function loggedOut(configuration: Configuration, number: string): Configuration | undefined {
  const { extensions, users } = configuration;
  const user = Object.hasOwn(extensions, number) ? extensions[number]?.user : undefined;
  if (user === undefined || Object.hasOwn(users, number) || users[user]?.loginCode === undefined) return undefined;
  return withUser(configuration, number, undefined);
}
