import { X509Certificate } from 'node:crypto';
import type { Path } from '../path.ts';
import type { Rule } from './cross-checks.ts';

/** With push, a phone must first be woken (seeds: preparing users for push). */
const LEAST_NO_ANSWER_WITH_PUSH_SECONDS = 20;
const LEAST_TWINNING_DELAY_WITH_PUSH_SECONDS = 10;

/** Switches that need something beside them. */
export const userRules: readonly Rule[] = [
  function whatForwardsHasANumber({ users }, report) {
    for (const [number, user] of Object.entries(users)) {
      for (const field of ['forwardUnconditional', 'forwardOnBusy', 'forwardOnNoAnswer', 'twinning'] as const) {
        const { enabled, number: target } = user[field];
        const path: Path = ['users', number, field, 'number'];
        if (enabled && target === '')
          report(path, undefined, 'is empty, though it is in use', 'Give the number, or switch it off.');
        if (target === number) report(path, target, 'is the user’s own number', 'Give another number.');
      }
    }
  },

  function keptPasswordsAreWhole({ extensions }, report) {
    for (const [number, { password, passwordCopy }] of Object.entries(extensions)) {
      if (passwordCopy === undefined || password !== undefined) continue;
      report(
        ['extensions', number, 'passwordCopy'],
        undefined,
        'is there without the password',
        'Set the password anew.',
      );
    }
  },

  function cloudServicesAreWhole({ system, lan1, lan2 }, report) {
    const { cloud, push } = system;
    if (cloud.authorization && !cloud.enabled) {
      report(
        ['system', 'cloud', 'authorization'],
        true,
        'needs the cloud account',
        'Set system.cloud.enabled to true first.',
      );
    }
    if (!push.apple) return;
    const path = ['system', 'push', 'apple'];
    if (lan1.registrarFqdn === '' && lan2.registrarFqdn === '') {
      report(
        path,
        true,
        'needs a SIP registrar FQDN: the push address is made of it',
        'Set lan1.registrarFqdn or lan2.registrarFqdn.',
      );
    }
    if (!system.sip.tls.enabled) report(path, true, 'works over TLS alone', 'Set system.sip.tls.enabled to true.');
  },

  function pushLeavesTimeToAnswer({ system, users }, report) {
    if (!system.push.apple) return;
    for (const [number, user] of Object.entries(users)) {
      if (!user.clients.mobile) continue;
      const seconds = user.noAnswerSeconds ?? system.telephony.noAnswerSeconds;
      if (seconds < LEAST_NO_ANSWER_WITH_PUSH_SECONDS) {
        report(
          ['users', number, 'noAnswerSeconds'],
          seconds,
          `should be ${LEAST_NO_ANSWER_WITH_PUSH_SECONDS} s or more with push`,
          'A phone that sleeps must first be woken.',
          'warning',
        );
      }
      if (user.twinning.enabled && user.twinning.delaySeconds < LEAST_TWINNING_DELAY_WITH_PUSH_SECONDS) {
        report(
          ['users', number, 'twinning', 'delaySeconds'],
          user.twinning.delaySeconds,
          `should be ${LEAST_TWINNING_DELAY_WITH_PUSH_SECONDS} s or more with push`,
          'Else the twinned call comes before the push.',
          'warning',
        );
      }
    }
  },

  function certificatesCanBeRead({ certificates }, report) {
    for (const [name, { pem }] of Object.entries(certificates)) {
      if (isCertificate(pem)) continue;
      report(
        ['certificates', name, 'pem'],
        undefined,
        'is not one certificate',
        'Give one in PEM, from BEGIN to END and nothing beside it; a private key has no place here.',
      );
    }
  },

  function licencesEndOnADay({ licences }, report) {
    for (const [kind, { expires }] of Object.entries(licences)) {
      if (expires === '' || isDay(expires)) continue;
      report(['licences', kind, 'expires'], expires, 'is no day of the calendar', 'Give one as 2027-12-31.');
    }
  },

  function anAdministratorIsLeft({ administrators }, report) {
    const all = Object.values(administrators);
    if (all.length === 0 || all.some(({ role, enabled }) => role === 'administrator' && enabled)) return;
    report(
      ['administrators'],
      undefined,
      'must have an enabled one with the role administrator',
      'Else nobody could change it back.',
    );
  },
];

/** RFC 7468 §5.1: one block, nothing before it and nothing behind. */
const CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;

const checked = new Map<string, boolean>();

/** Kept: the same certificates are checked at every edit. */
function isCertificate(pem: string): boolean {
  let valid = checked.get(pem);
  if (valid === undefined) {
    valid = holdsOneCertificate(pem);
    if (checked.size >= 256) checked.clear();
    checked.set(pem, valid);
  }
  return valid;
}

/** What stands beside it might be its private key, which would then be kept, shown and exported in the clear. */
function holdsOneCertificate(pem: string): boolean {
  const base64 = CERTIFICATE.exec(pem)?.[1];
  if (base64 === undefined) return false;
  try {
    return new X509Certificate(pem).raw.equals(Buffer.from(base64, 'base64'));
  } catch {
    return false;
  }
}

function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
