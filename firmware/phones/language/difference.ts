import type { ClientVariables } from './client.ts';
import { type EffectiveSetting, type EvaluationOptions, evaluateSettings } from './evaluator.ts';
import type { SettingsText } from './reader.ts';

/** The order of these lines is the client's order of preference. */
const CODEC = /^ENABLE_(?:G7\d\d[AU]?|OPUS)$/;

export interface SettingChange {
  readonly before: EffectiveSetting;
  readonly after: EffectiveSetting;
}

/** What a client has otherwise after one file than after another. Where a value stands makes no difference, but for codecs. */
export interface SettingsDifference {
  readonly added: readonly EffectiveSetting[];
  /** A phone falls back to its default; a Workplace client keeps what it had. */
  readonly removed: readonly EffectiveSetting[];
  readonly changed: readonly SettingChange[];
  /** The codecs that are on, in the order of preference that their lines give; undefined where that stays. */
  readonly codecOrder: { readonly before: readonly string[]; readonly after: readonly string[] } | undefined;
}

export interface DifferenceOptions {
  readonly before?: EvaluationOptions;
  readonly after?: EvaluationOptions;
}

/** By effect on a client with these variables, not by text. Of each file, those that it fetches belong to it. */
export function diffSettings(
  before: SettingsText,
  after: SettingsText,
  variables: ClientVariables,
  options: DifferenceOptions = {},
): SettingsDifference {
  const old = evaluateSettings(before, variables, options.before).settings;
  const now = evaluateSettings(after, variables, options.after).settings;
  const oldByName = new Map(old.map((setting) => [setting.name, setting]));
  const names = new Set(now.map(({ name }) => name));
  const added: EffectiveSetting[] = [];
  const changed: SettingChange[] = [];
  for (const setting of now) {
    const was = oldByName.get(setting.name);
    if (was === undefined) added.push(setting);
    else if (was.value !== setting.value) changed.push({ before: was, after: setting });
  }
  return {
    added,
    removed: old.filter(({ name }) => !names.has(name)),
    changed,
    codecOrder: codecOrder(old, now),
  };
}

/** Undefined as well where codecs are switched on or off and the others keep their order: that is a change of values. */
function codecOrder(
  old: readonly EffectiveSetting[],
  now: readonly EffectiveSetting[],
): SettingsDifference['codecOrder'] {
  const before = codecs(old);
  const after = codecs(now);
  const stayed = before.filter((name) => after.includes(name));
  const isSame = after.filter((name) => before.includes(name)).every((name, index) => name === stayed[index]);
  return isSame ? undefined : { before, after };
}

function codecs(settings: readonly EffectiveSetting[]): readonly string[] {
  return settings.filter(({ name, value }) => CODEC.test(name) && value !== '0').map(({ name }) => name);
}
