import { userInfo } from 'node:os';
import type { Author } from '../../config/revision-log.ts';

/** More than any system takes. */
const MAX_NAME_CHARACTERS = 64;

export interface Caller {
  /** Effective. */
  readonly uid: number;
  /** What sudo says of who called it; anybody else may set that too. */
  readonly sudoUser: string | undefined;
  /** Throws where the uid has no name. */
  readonly userName: () => string;
}

/** Who works at this terminal. */
export function thisCaller(): Caller {
  return {
    uid: process.geteuid?.() ?? -1,
    sudoUser: process.env.SUDO_USER,
    userName: () => userInfo().username,
  };
}

/** The author of edits on the command line: the person behind sudo, else the user, by number where it has no name. */
export function commandLineAuthor({ uid, sudoUser = '', userName }: Caller): Author {
  const behindSudo = uid === 0 ? sudoUser.replace(/[^\p{L}\p{N}._@-]/gu, '').slice(0, MAX_NAME_CHARACTERS) : '';
  return { who: behindSudo || nameOf(uid, userName), origin: 'cli' };
}

function nameOf(uid: number, userName: () => string): string {
  try {
    return userName();
  } catch {
    return `uid ${uid}`;
  }
}
