import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Leg } from '../leg/leg.ts';
import type { Caller, MailboxStep, Step } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import type { MailboxPins } from './mailbox-pins.ts';
import { type MailboxMedia, MailboxRun } from './mailbox-run.ts';
import type { MessageStore } from './message-store.ts';

export interface MailboxRunnerOptions {
  /** Undefined where there are no voice messages, or not yet. */
  readonly mailboxes: () => MessageStore | undefined;
  readonly pins: MailboxPins;
  readonly configuration: () => Configuration;
  /** Where a call of this caller to a number leads. */
  readonly route: (caller: Caller, dialled: string) => Step;
  /** A caller was told that there is no room in that mailbox. */
  readonly onFull: (mailbox: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Has a caller leave a message, or a user hear his. */
export class MailboxRunner implements StepRunner<MailboxStep> {
  readonly #options: MailboxRunnerOptions;

  constructor(options: MailboxRunnerOptions) {
    this.#options = options;
  }

  run(step: MailboxStep, context: StepContext): RunningStep {
    const call = new MailboxCall(step, context, this.#options);
    context.run(call.begin());
    return call;
  }
}

class MailboxCall implements RunningStep {
  readonly #step: MailboxStep;
  readonly #context: StepContext;
  readonly #options: MailboxRunnerOptions;
  #run: MailboxRun | undefined;
  #isStopped = false;

  constructor(step: MailboxStep, context: StepContext, options: MailboxRunnerOptions) {
    this.#step = step;
    this.#context = context;
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { mailbox, purpose } = this.#step;
    const { pins, configuration, mailboxes, clock, logger, route, onFull } = this.#options;
    const { caller, waiting, shown } = this.#context;
    const { users, huntGroups, system } = configuration();
    const store = mailboxes();
    const user = Object.hasOwn(users, mailbox) ? users[mailbox] : undefined;
    const group = Object.hasOwn(huntGroups, mailbox) ? huntGroups[mailbox] : undefined;
    if (store === undefined || (user === undefined && group?.voicemail !== true)) {
      this.#context.goOn(undefined, { status: 480 });
      return;
    }
    const own = caller.kind === 'user' ? caller.user : undefined;
    // What is left for a group is for all of its members.
    const isOwn = user === undefined ? group?.members.some((member) => member.user === own) === true : own === mailbox;
    const needsPin = purpose === 'collect' && !pins.isOpen(mailbox, isOwn);
    // A mailbox without a PIN is nobody's but its user's.
    if (needsPin && user?.voicemail.pin === undefined) return this.#context.goOn(undefined, { status: 403 });
    if (!(await this.#context.answer('mailbox')) || this.#isStopped) return;
    const isHidden = shown.isWithheld;
    this.#run = new MailboxRun({
      ...{ purpose, user: mailbox, isOwnPhone: isOwn, needsPin, store, pins, clock, logger },
      caller: { number: isHidden ? '' : (shown.number ?? ''), name: isHidden ? '' : (shown.name ?? '') },
      locale: user === undefined || user.locale === '' ? system.locale : user.locale,
      timeZone: system.timeZone,
      media: voiceOf(waiting),
      onFull: () => onFull(mailbox),
      onOver: (callBack) => {
        if (callBack === undefined) this.#context.hangUp();
        else this.#context.goOn(route(caller, callBack), { status: 404 });
      },
    });
    const run = this.#run;
    waiting.whenPressed = ({ digit }) => run.pressed(digit);
    run.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#run?.hungUp();
  }
}

function voiceOf({ media }: Leg): MailboxMedia {
  return {
    announce: (sound) => media.announce(sound),
    stop: () => media.stop(),
    record: async (options) => (await media.session()).record({ ...options, who: 0, channels: 1 }),
  };
}
