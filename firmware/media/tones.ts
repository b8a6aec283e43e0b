/** The tones of a telephone network, as people of each region know them. */

export type ToneName =
  | 'dial'
  | 'ringBack'
  | 'busy'
  | 'congestion'
  | 'callWaiting'
  /** Tells all parties that they are being recorded. */
  | 'recordingWarning'
  | 'conferenceEntry'
  | 'conferenceExit';

export interface ToneStep {
  /** 1 to 60000. */
  readonly durationMs: number;
  /** Up to four that sound together; none is silence. Level of each alone: -60 to 3 dBm0. */
  readonly frequencies: readonly { readonly hz: number; readonly dbm0: number }[];
}

export interface TonePattern {
  /** 1 to 16. */
  readonly steps: readonly ToneStep[];
  /** The step that follows the last one, again and again; absent: the tone ends. */
  readonly repeatFrom?: number;
}

type National = Readonly<Record<Exclude<ToneName, 'conferenceEntry' | 'conferenceExit'>, string>>;

const WARNING = '1400/500 0/14500';

/** What ITU-T E.180 recommends where a region has no tones of its own below. */
const DEFAULT: National = {
  dial: '425/1000',
  ringBack: '425/1000 0/4000',
  busy: '425/500 0/500',
  congestion: '425/250 0/250',
  callWaiting: '425/200 0/600 425/200 0/10000',
  recordingWarning: WARNING,
};

const NORTH_AMERICA: National = {
  dial: '350+440/1000',
  ringBack: '440+480/2000 0/4000',
  busy: '480+620/500 0/500',
  congestion: '480+620/250 0/250',
  callWaiting: '440/300 0/10000',
  recordingWarning: WARNING,
};

const BRITISH: National = {
  dial: '350+440/1000',
  ringBack: '400+450/400 0/200 400+450/400 0/2000',
  busy: '400/375 0/375',
  congestion: '400/400 0/350 400/225 0/525',
  callWaiting: '400/100 0/4000',
  recordingWarning: '1400/500 0/60000',
};

/**
 * By region (ISO 3166-1), of the tones listed in the annex to ITU-T E.180, "Various tones used in national networks".
 * `400+450/400` is both frequencies for 400 ms, `400*25/400` the first with its loudness swayed by the second, 0 is
 * silence. What stands after `!` is played once, at the beginning; what is not named is as DEFAULT has it.
 */
const BY_REGION: Readonly<Record<string, Partial<National>>> = {
  AE: { ...BRITISH, recordingWarning: WARNING },
  AT: {
    dial: '420/1000',
    ringBack: '420/1000 0/5000',
    busy: '420/400 0/400',
    congestion: '420/200 0/200',
    callWaiting: '420/40 0/1960',
    recordingWarning: '1400/80 0/14920',
  },
  AU: {
    dial: '413+438/1000',
    ringBack: '413+438/400 0/200 413+438/400 0/2000',
    busy: '425/375 0/375',
    congestion: '425/375 0/375 420/375 0/375',
    callWaiting: '425/200 0/200 425/200 0/4400',
    recordingWarning: '!425/1000 !0/15000 425/360 0/15000',
  },
  BE: { ringBack: '425/1000 0/3000', congestion: '425/167 0/167', callWaiting: '1400/175 0/175 1400/175 0/3500' },
  BR: { busy: '425/250 0/250', congestion: '425/250 0/250 425/750 0/250', callWaiting: '425/50 0/1000' },
  CA: NORTH_AMERICA,
  CH: {
    congestion: '425/200 0/200',
    callWaiting: '425/200 0/200 425/200 0/4000',
    recordingWarning: '1400/80 0/15000',
  },
  CN: {
    dial: '450/1000',
    ringBack: '450/1000 0/4000',
    busy: '450/350 0/350',
    congestion: '450/700 0/700',
    callWaiting: '450/400 0/4000',
    recordingWarning: '450/400 0/10000',
  },
  CZ: {
    dial: '425/330 0/330 425/660 0/660',
    busy: '425/330 0/330',
    congestion: '425/165 0/165',
    callWaiting: '425/330 0/9000',
  },
  DE: {
    busy: '425/480 0/480',
    congestion: '425/240 0/240',
    callWaiting: '425/200 0/200 425/200 0/5000',
    recordingWarning: '1400/80 0/15000',
  },
  DK: { congestion: '425/200 0/200', callWaiting: '425/200 0/600 425/200 0/3000' },
  ES: {
    ringBack: '425/1500 0/3000',
    busy: '425/200 0/200',
    congestion: '425/200 0/200 425/200 0/200 425/200 0/600',
    callWaiting: '425/175 0/175 425/175 0/3500',
  },
  FI: { busy: '425/300 0/300', congestion: '425/200 0/200', callWaiting: '425/150 0/150 425/150 0/8000' },
  FR: {
    dial: '440/1000',
    ringBack: '440/1500 0/3500',
    busy: '440/500 0/500',
    congestion: '440/250 0/250',
    callWaiting: '440/300 0/10000',
  },
  GB: BRITISH,
  GR: {
    dial: '425/200 0/300 425/700 0/800',
    busy: '425/300 0/300',
    congestion: '425/200 0/200',
    callWaiting: '425/150 0/150 425/150 0/8000',
  },
  HK: {
    ...NORTH_AMERICA,
    ringBack: '440+480/400 0/200 440+480/400 0/3000',
    callWaiting: '440/500 0/500 440/500 0/10000',
  },
  HU: { ringBack: '425/1250 0/3750', busy: '425/300 0/300', congestion: '425/300 0/300', callWaiting: '425/40 0/1960' },
  IE: { ringBack: '400+450/400 0/200 400+450/400 0/2000', callWaiting: '425/180 0/200 425/200 0/4500' },
  IL: {
    dial: '414/1000',
    ringBack: '414/1000 0/3000',
    busy: '414/500 0/500',
    congestion: '414/250 0/250',
    callWaiting: '414/100 0/100 414/100 0/100 414/600 0/3000',
  },
  IN: {
    dial: '400*25/1000',
    ringBack: '400*25/400 0/200 400*25/400 0/2000',
    busy: '400/750 0/750',
    congestion: '400/250 0/250',
    callWaiting: '400/200 0/100 400/200 0/7500',
  },
  IT: {
    dial: '425/200 0/200 425/600 0/1000',
    congestion: '425/200 0/200',
    callWaiting: '425/400 0/100 425/250 0/100 425/150 0/14000',
    recordingWarning: '1400/400 0/15000',
  },
  JP: {
    dial: '400/1000',
    ringBack: '400*16/1000 0/2000',
    busy: '400/500 0/500',
    congestion: '400/500 0/500',
    callWaiting: '400*16/500 0/8000',
  },
  KR: {
    ...NORTH_AMERICA,
    ringBack: '440+480/1000 0/2000',
    congestion: '480+620/300 0/200',
    callWaiting: '350+440/250 0/250 350+440/250 0/3250',
  },
  MX: { busy: '425/250 0/250', callWaiting: '425/200 0/600 425/200 0/10000' },
  NL: { callWaiting: '425/500 0/9500' },
  NO: { congestion: '425/200 0/200', callWaiting: '425/200 0/600 425/200 0/10000' },
  NZ: {
    dial: '400/1000',
    ringBack: '400+450/400 0/200 400+450/400 0/2000',
    busy: '400/500 0/500',
    congestion: '400/250 0/250',
    callWaiting: '400/200 0/3000 400/200 0/10000',
    recordingWarning: '1400/425 0/15000',
  },
  PL: { congestion: '425/500 0/500', callWaiting: '425/150 0/150 425/150 0/4000' },
  PT: { ringBack: '425/1000 0/5000', congestion: '425/200 0/200', callWaiting: '440/300 0/10000' },
  RU: {
    ringBack: '425/800 0/3200',
    busy: '425/350 0/350',
    congestion: '425/175 0/175',
    callWaiting: '425/200 0/5000',
  },
  SA: { ringBack: '425/1200 0/4600', callWaiting: '425/150 0/200 425/150 0/10000' },
  SE: {
    ringBack: '425/1000 0/5000',
    busy: '425/250 0/250',
    congestion: '425/250 0/750',
    callWaiting: '425/200 0/500 425/200 0/9100',
  },
  SG: {
    ringBack: '425*24/400 0/200 425*24/400 0/2000',
    busy: '425/750 0/750',
    callWaiting: '425*24/300 0/200 425*24/300 0/3200',
  },
  TH: {
    dial: '400*50/1000',
    ringBack: '400/1000 0/4000',
    busy: '400/500 0/500',
    congestion: '400/300 0/300',
    callWaiting: '400/400 0/10000',
  },
  TR: {
    dial: '450/1000',
    ringBack: '450/2000 0/4000',
    busy: '450/500 0/500',
    congestion: '450/200 0/200 450/200 0/200 450/200 0/200 450/600 0/200',
    callWaiting: '450/200 0/600 450/200 0/8000',
  },
  TW: {
    ...NORTH_AMERICA,
    ringBack: '440+480/1000 0/2000',
    callWaiting: '350+440/250 0/250 350+440/250 0/3250',
  },
  US: NORTH_AMERICA,
  ZA: {
    dial: '400*33/1000',
    ringBack: '400*33/400 0/200 400*33/400 0/2000',
    busy: '400/500 0/500',
    congestion: '400/250 0/250',
    callWaiting: '400*33/250 0/250 400*33/250 0/3250',
    recordingWarning: '1400/500 0/10000',
  },
};

/** No network has these: up for who comes, down for who goes. */
const CONFERENCE = { conferenceEntry: '!660/100 !880/150', conferenceExit: '!880/100 !660/150' } as const;

/** Of the whole tone. E.180 wants -10 dBm0, give or take 5, where nobody speaks. */
const LEVEL_DBM0: Readonly<Record<ToneName, number>> = {
  dial: -10,
  ringBack: -10,
  busy: -10,
  congestion: -10,
  callWaiting: -16,
  recordingWarning: -20,
  conferenceEntry: -16,
  conferenceExit: -16,
};

/** The regions that have tones of their own. */
export const TONE_REGIONS: readonly string[] = Object.keys(BY_REGION);

/** A tone as the region of a locale (en-GB) knows it. */
export function toneOf(locale: string, name: ToneName): TonePattern {
  const region = locale.slice(3);
  const text =
    name === 'conferenceEntry' || name === 'conferenceExit'
      ? CONFERENCE[name]
      : ((Object.hasOwn(BY_REGION, region) ? BY_REGION[region]?.[name] : undefined) ?? DEFAULT[name]);
  return parse(text, LEVEL_DBM0[name]);
}

function parse(text: string, level: number): TonePattern {
  const words = text.split(' ');
  const repeatFrom = words.findIndex((word) => !word.startsWith('!'));
  const steps = words.map((word): ToneStep => {
    const [sound = '', duration] = word.replace('!', '').split('/');
    return { durationMs: Number(duration), frequencies: frequenciesOf(sound, level) };
  });
  return repeatFrom < 0 ? { steps } : { steps, repeatFrom };
}

function frequenciesOf(sound: string, level: number): ToneStep['frequencies'] {
  if (sound === '0') return [];
  const [carrier, swayedBy] = sound.split('*').map(Number);
  if (carrier !== undefined && swayedBy !== undefined) {
    // Swayed to nothing and back: the carrier, and each side 6 dB under it, which is 1.8 dB more than the carrier alone.
    const dbm0 = Math.round(level - 1.8);
    return [
      { hz: carrier, dbm0 },
      { hz: carrier - swayedBy, dbm0: dbm0 - 6 },
      { hz: carrier + swayedBy, dbm0: dbm0 - 6 },
    ];
  }
  const parts = sound.split('+').map(Number);
  const dbm0 = parts.length === 1 ? level : level - 3;
  return parts.map((hz) => ({ hz, dbm0 }));
}
