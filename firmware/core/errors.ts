/**
 * The root of every error that the firmware throws on purpose. `code` is stable, upper case, and begins with
 * its area (`CONFIG_`, `SIP_`, `MEDIA_`, `SERVE_` …); `message` says what happened and where, `cure` what to do.
 */
export class RingdownError extends Error {
  readonly code: string;
  readonly cure: string;

  constructor(code: string, message: string, cure: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.cure = cure;
  }
}

/** The person at the command line can mend this: it ends the program with one line and exit status 2. */
export class UsageError extends RingdownError {}

/** A state machine was given an input that its state does not allow. Names both, since it is always our own mistake. */
export class IllegalTransitionError extends RingdownError {
  constructor(machine: string, state: string, input: string) {
    super('CORE_ILLEGAL_TRANSITION', `${machine} in state ${state} cannot take ${input}`, 'Report this with the log.');
  }
}
