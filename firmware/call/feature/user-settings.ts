import type { ConfigurationStore } from '../../config/configuration-store.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner, StepRunners } from '../step/step-runner.ts';
import { changedSettings, SETTING_FEATURES, type SettingFeature } from './changed-settings.ts';
import { tellOutcome } from './confirmation.ts';

export interface UserSettingsOptions {
  readonly store: Pick<ConfigurationStore, 'edit'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Codes that change the settings of whoever dials them: an edit of the configuration, and a tone that says whether it was made. */
export class UserSettings implements StepRunner<FeatureStep> {
  readonly #options: UserSettingsOptions;

  constructor(options: UserSettingsOptions) {
    this.#options = options;
  }

  register(runners: Pick<StepRunners, 'registerFeature'>): void {
    for (const feature of SETTING_FEATURES) runners.registerFeature(feature, this);
  }

  run(step: FeatureStep, context: StepContext): RunningStep {
    // A party that somebody transfers here would change the settings of who does.
    const isOwn = context.waiting.party.user === step.user;
    return tellOutcome(context, this.#options.clock, isOwn && this.#obey(step));
  }

  #obey({ feature, argument, user, extension }: FeatureStep): boolean {
    const { store, logger } = this.#options;
    if (user === undefined) return false;
    try {
      let isAllowed = true;
      store.edit({
        author: { who: `user ${user}`, origin: 'system' },
        comment: `${feature} ${argument}`.trimEnd().concat(`, dialled at extension ${extension}`),
        change: (configuration) => {
          const changed = changedSettings(configuration, feature as SettingFeature, argument, user);
          isAllowed = changed !== undefined;
          return changed ?? configuration;
        },
      });
      logger.info({ user, feature, argument, isAllowed }, 'setting changed by a short code');
      return isAllowed;
    } catch (error) {
      // A number that is none, a full disk: the box goes on, and who dialled hears that it was not done.
      logger.warn({ user, feature, argument, err: error }, 'setting not changed');
      return false;
    }
  }
}
