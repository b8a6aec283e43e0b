import { dialPlanFields } from './dialling.ts';
import {
  choice,
  collection,
  dialString,
  flag,
  group,
  line,
  list,
  NAME_KEY,
  NUMBER_KEY,
  name,
  reference,
  secret,
  shaped,
  whole,
  wholeOrLeftOut,
} from './kinds.ts';
import { shortCodes } from './short-code.ts';

/** Perpetual profiles, then those of a subscription (seeds: user licensing). */
export const PROFILES = [
  'non-licensed',
  'basic',
  'mobile',
  'teleworker',
  'office-worker',
  'power',
  'telephony',
  'telephony-plus',
  'unified-communications',
] as const;
export type Profile = (typeof PROFILES)[number];

const NOT_YET = { unused: true } as const;

const forwarding = (title: string) =>
  group(title, { enabled: flag('in use', false), number: dialString('Forward to') });

const contactLine = (title: string, max = 64) => line(title, max);

/** People who are reached by a number, whichever device they use. */
export const users = collection(
  { title: 'Users', table: 'users', key: { column: 'number', ...NUMBER_KEY }, max: 384 },
  group('User', {
    name: name('Name, different for each user', 64),
    fullName: line('Full name; empty: the name', 64),
    email: shaped(
      'Unique identity: an e-mail address',
      '^(?:[^\\s@"]{1,64}@[a-zA-Z0-9.-]{1,189})?$',
      'an e-mail address',
      {
        default: '',
      },
    ),
    enabled: flag('Account enabled', true),
    profile: choice('Profile', PROFILES, 'power'),
    locale: shaped(
      'Locale; empty: the system’s',
      '^(?:[a-z]{2}-[A-Z]{2})?$',
      'a language and a region, such as en-GB',
      {
        default: '',
        ...NOT_YET,
      },
    ),
    priority: whole('Priority', 1, 5, 5, NOT_YET),
    userRights: reference('User rights', NAME_KEY),
    classOfService: reference('Class of service; left out: that of the user rights, else the system’s', NAME_KEY),
    dialPlan: group('Dial plan', {
      use: choice('Which counts', ['system', 'own', 'none'], 'system'),
      ...dialPlanFields,
    }),
    callerNumber: dialString('Number that calls to outside show; empty: the line’s'),
    withholdNumber: flag('Calls to outside show no number', false),
    loginCode: secret('Login code', 'pin'),
    password: secret('Password of clients and the user portal', 'password', NOT_YET),
    conferencePin: secret(
      'Audio conference PIN: asked of others who come to conferences of the user by themselves',
      'pin',
    ),
    clients: group('Clients that the user may use; those but the remote worker count where licensing is not open', {
      desktop: flag('Enable desktop/tablet VoIP client', false),
      mobile: flag('Enable mobile VoIP client', false),
      softphone: flag('Enable softphone', false),
      remoteWorker: flag('Enable remote worker', false),
    }),
    otherPhone: dialString('Number of the other phone, for clients that name none in the mode other-phone'),
    noAnswerSeconds: wholeOrLeftOut('No-answer time; left out: the system’s', 6, 99999, { unit: 's' }),
    callWaiting: flag('Call waiting', true),
    autoAnswer: choice('Calls that the devices answer by themselves', ['never', 'internal', 'all'], 'never'),
    declinePolicy: choice(
      'What a call gets that is declined: busy tries what stands for busy, decline ends it; system: as set there',
      ['system', 'busy', 'decline'],
      'system',
    ),
    absentText: line('Absent text that callers here are shown; empty: none', 128),
    doNotDisturb: group('Do not disturb', {
      enabled: flag('in use', false),
      exceptions: list(
        'Numbers that ring all the same',
        shaped('Number', '^\\+?[0-9]{1,32}[NX]*$', 'a number, N at its end for any digits'),
        32,
      ),
    }),
    followMe: dialString('Follow me: number where calls ring in place of the own devices; empty: none'),
    forwardUnconditional: group('Forward unconditional', {
      enabled: flag('in use', false),
      number: dialString('Forward to'),
      huntGroupCalls: flag('Forward hunt group calls', false),
    }),
    forwardOnBusy: forwarding('Forward on busy'),
    forwardOnNoAnswer: forwarding('Forward on no answer'),
    coverageNumber: dialString('Number that takes calls which nobody answered, before voicemail; empty: none'),
    internalTwinning: reference(
      'Number of the user whose devices ring too, unless he does not want to be disturbed',
      NUMBER_KEY,
    ),
    twinning: group('Mobile twinning', {
      enabled: flag('in use', false),
      number: dialString('Twinned mobile number'),
      delaySeconds: whole('Mobile dial delay', 0, 99999, 2, { unit: 's' }),
      timeProfile: reference('Time profile in which it rings; left out: always', NAME_KEY),
      huntGroupCalls: flag('Hunt group calls ring there too', false),
    }),
    voicemail: group('Voicemail', {
      enabled: flag('in use', false),
      pin: secret('Mailbox PIN', 'pin'),
      ringBack: flag('The devices ring for new messages, when they have no call', false),
    }),
    sourceNumbers: list('Source numbers', line('Source number', 127), 64, NOT_YET),
    contact: group('Contact data', {
      workPhone: contactLine('Work phone'),
      homePhone: contactLine('Home phone'),
      cellPhone: contactLine('Cell phone'),
      address: contactLine('Address', 128),
      city: contactLine('City'),
      region: contactLine('Region'),
      postalCode: contactLine('Postal code', 32),
      country: contactLine('Country'),
    }),
    shortCodes: shortCodes('Short codes of the user', 'user_short_codes'),
  }),
);
