import {
  choice,
  collection,
  flag,
  group,
  line,
  list,
  NAME_KEY,
  reference,
  sequence,
  shaped,
  whole,
  word,
} from './kinds.ts';

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

/** How far a call to outside may go; each holds those before it. */
export const CALL_RANGES = ['none', 'local', 'national', 'international'] as const;
export type CallRange = (typeof CALL_RANGES)[number];

/** What a short code may be made of, and a code of an ARS route. */
export const CODE_KEY = {
  pattern: '^[0-9A-Za-z*#?;+./-]{1,31}$',
  rule: '1 to 31 digits, letters, and any of * # ? ; + . / -',
};

const digits = (title: string, max: number) =>
  shaped(title, `^[0-9]{0,${max}}$`, `at most ${max} digits`, { default: '' });

const prefix = (title: string) => shaped(title, '^[0-9*#]{0,7}$', 'at most 7 digits, * or #', { default: '' });

const length = shaped('Length', '^(?:[1-9]|1[0-5])$', 'a length from 1 to 15');

/** The rules that a person’s numbers are dialled by (seeds: dialling settings of a calling profile). */
export const dialPlanFields = {
  outsidePrefix: prefix('Prefix of calls to outside'),
  countryCode: digits('Country code; empty: that of the locale', 3),
  cityCodes: list(
    'Area codes of the office, without the prefix of national numbers',
    shaped('Area code', '^[0-9]{1,8}$', '1 to 8 digits'),
    16,
  ),
  pbxPrefix: prefix('Prefix of this system within a network of several'),
  longDistancePrefix: digits('Prefix of national numbers; empty: that of the locale', 4),
  internationalPrefix: digits('Prefix of international numbers; empty: that of the locale', 5),
  extensionLengths: list('Lengths of internal numbers', length, 8),
  nationalLengths: list('Lengths of national numbers with their area code', length, 8),
  removeAreaCode: flag('Local calls are dialled without the area code', false),
  applyToPlusNumbers: flag('Numbers that begin with + are rewritten too', false),
};

export const timeProfiles = collection(
  { title: 'Time profiles', table: 'time_profiles', key: { column: 'name', ...NAME_KEY }, max: 100 },
  group('Time profile', {
    override: choice(
      'Whether it holds: as its times say, or on or off whatever they say',
      ['times', 'on', 'off'],
      'times',
    ),
    times: sequence(
      'Times of the week',
      'time_profile_times',
      group('Time', {
        days: list('Days on which it begins', word('Day', DAYS), DAYS.length, {
          default: ['mon', 'tue', 'wed', 'thu', 'fri'],
        }),
        begins: shaped('Begins', '^(?:[01]\\d|2[0-3]):[0-5]\\d$', 'a time such as 09:00', { default: '09:00' }),
        ends: shaped(
          'Ends; before the beginning: on the next day',
          '^(?:(?:[01]\\d|2[0-3]):[0-5]\\d|24:00)$',
          'a time such as 17:30',
          {
            default: '17:00',
          },
        ),
      }),
      32,
    ),
    exceptDates: list(
      'Dates on which it does not hold',
      shaped('Date', '^\\d{4}-\\d{2}-\\d{2}$', 'a date as 2027-12-25'),
      64,
    ),
  }),
);

export const arsRoutes = collection(
  { title: 'ARS routes', table: 'ars_routes', key: { column: 'name', ...NAME_KEY }, max: 64 },
  group('ARS route', {
    description: line('Description', 64),
    inService: flag('In service', true),
    outOfServiceRoute: reference('Route that is taken when it is not in service', NAME_KEY),
    timeProfile: reference('Time profile in which it is taken; left out: always', NAME_KEY),
    outOfHoursRoute: reference('Route that is taken at other times', NAME_KEY),
    alternateRoute: reference('Route that is taken where no line of this one can take the call', NAME_KEY),
    codes: sequence(
      'Codes; those with the same code are tried in their order',
      'ars_route_codes',
      group('Code', {
        code: shaped('Number to match', CODE_KEY.pattern, CODE_KEY.rule, { default: '?', maxLength: 31 }),
        feature: choice('What becomes of it', ['dial', 'barred', 'busy'], 'dial'),
        number: line('Number that is sent: N for the digits matched by N and X, . for all', 63, { default: '.' }),
        lineGroup: whole('Outgoing group of the lines', 0, 99999, 0),
        timeProfile: reference('Time profile in which it counts; left out: always', NAME_KEY),
      }),
      200,
    ),
  }),
);

const pattern = (title: string) =>
  shaped(
    title,
    '^\\+?[0-9*#XNZ]{1,32}$',
    'a number or its beginning: digits, with X for any one, N at the end for any more',
  );

export const classesOfService = collection(
  {
    title: 'Classes of service: who may call where',
    table: 'classes_of_service',
    key: { column: 'name', ...NAME_KEY },
    max: 32,
  },
  group('Class of service', {
    calls: choice('Calls to outside that are allowed', CALL_RANGES, 'national'),
    barred: list('Numbers that are barred all the same', pattern('Number'), 128),
    allowed: list('Numbers that are allowed, whatever the two before say', pattern('Number'), 128),
    timeProfile: reference('Time profile in which it counts; left out: always', NAME_KEY),
    otherwise: reference('Class that counts at other times; left out: no calls to outside', NAME_KEY),
  }),
);
