import { emergencyNumbersOf } from '../../config/emergency.ts';
import type { Configuration } from '../../config/schema/configuration.ts';

type ShortCodes = Configuration['shortCodes'];
type Row = readonly [code: string, feature: ShortCodes[string]['feature'], telephoneNumber?: string];

/** As phones of this class of box know them (facts about calls); rows that people may change. */
const EVERYWHERE: readonly Row[] = [
  ['*00', 'cancel-all-forwarding'],
  ['*01', 'forward-unconditional-on'],
  ['*02', 'forward-unconditional-off'],
  ['*03', 'forward-on-busy-on'],
  ['*04', 'forward-on-busy-off'],
  ['*05', 'forward-on-no-answer-on'],
  ['*06', 'forward-on-no-answer-off'],
  ['*07*N#', 'forward-number', 'N'],
  ['*08', 'do-not-disturb-on'],
  ['*09', 'do-not-disturb-off'],
  ['*10*N#', 'do-not-disturb-exception-add', 'N'],
  ['*11*N#', 'do-not-disturb-exception-delete', 'N'],
  ['*12*N#', 'follow-me-here', 'N'],
  ['*13*N#', 'follow-me-here-cancel', 'N'],
  ['*14*N#', 'follow-me-to', 'N'],
  ['*15', 'call-waiting-on'],
  ['*16', 'call-waiting-off'],
  ['*17', 'voicemail-collect', 'U'],
  ['*18', 'voicemail-on'],
  ['*19', 'voicemail-off'],
  ['*20*N#', 'hunt-group-night-service-on', 'N'],
  ['*21*N#', 'hunt-group-night-service-off', 'N'],
  ['*29', 'toggle-calls'],
  ['*30', 'call-pickup-any'],
  ['*31', 'call-pickup-group'],
  ['*32*N#', 'call-pickup-extension', 'N'],
  ['*35*N#', 'extension-login', 'N'],
  ['*36', 'extension-logout'],
  ['*37*N#', 'call-park', 'N'],
  ['*38*N#', 'call-unpark', 'N'],
  ['*45*N#', 'call-steal', 'N'],
  ['*47', 'conference-add'],
  ['*48', 'voicemail-ringback-on'],
  ['*49', 'voicemail-ringback-off'],
  ['*50', 'forward-hunt-group-calls-on'],
  ['*51', 'forward-hunt-group-calls-off'],
  ['*53*N#', 'call-pickup-members', 'N'],
  ['*57*N#', 'forward-on-busy-number', 'N'],
];

/** Where a 9 leads to outside; elsewhere whatever nothing else takes does. */
const WITH_NINE: ReadonlySet<string> = new Set(['CA', 'US']);

/** The codes of a new box whose locale is `locale`, complete. */
export function defaultShortCodes(locale: string): ShortCodes {
  const hasNine = WITH_NINE.has(locale.slice(3));
  const help = [...emergencyNumbersOf({ system: { locale }, emergencyNumbers: {} })];
  const rows: readonly Row[] = [
    ...EVERYWHERE,
    hasNine ? ['9N', 'dial', 'N'] : ['?', 'dial', '.'],
    ...help.map((number): Row => [number, 'dial-emergency', number]),
    ...(hasNine ? help.map((number): Row => [`9${number}`, 'dial-emergency', number]) : []),
  ];
  return Object.fromEntries(
    rows.map(([code, feature, telephoneNumber = '']) => [
      code,
      { feature, telephoneNumber, lineGroup: '', locale: '' },
    ]),
  );
}

/**
 * The codes after a change of the locale: what the old one brought and nobody changed goes, what the new one brings comes
 * where that code is free. `codes` itself where nothing of it changes.
 */
export function withLocale(codes: ShortCodes, before: string, after: string): ShortCodes {
  const [old, fresh] = [defaultShortCodes(before), defaultShortCodes(after)];
  const kept = Object.entries(codes).filter(([code, entry]) => fresh[code] !== undefined || !isEqual(entry, old[code]));
  // Who has removed a code that both locales bring wants it gone.
  const added = Object.entries(fresh).filter(([code]) => codes[code] === undefined && old[code] === undefined);
  if (added.length === 0 && kept.length === Object.keys(codes).length) return codes;
  return Object.fromEntries([...kept, ...added]);
}

function isEqual(a: ShortCodes[string], b: ShortCodes[string] | undefined): boolean {
  return (
    b !== undefined &&
    a.feature === b.feature &&
    a.telephoneNumber === b.telephoneNumber &&
    a.lineGroup === b.lineGroup &&
    a.locale === b.locale
  );
}
