import t from 'tap';
import type { Configuration } from '../../firmware/config/schema/configuration.ts';
import { explainedLines, renderSettings } from '../../firmware/phones/settings-file.ts';
import type { AskingClient, SettingsInput } from '../../firmware/phones/settings-input.ts';
import { configuredPorts } from '../../firmware/phones/settings-input.ts';
import { inputFor, office } from './sample-office.ts';
import { CLIENT, DESK, DESK_FLIPS, FLIPS, media, NAMED, phones, sip, telephony } from './settings-flips.ts';

function textOf(configuration: Configuration, client: AskingClient, input: Partial<SettingsInput> = {}): string {
  return renderSettings(inputFor(configuration, { client, ports: configuredPorts(configuration.system), ...input }));
}

/** Lines of `a` that `b` does not have as often. */
function missing(a: string, b: string): readonly string[] {
  const left = b.split('\n');
  return a.split('\n').filter((line) => {
    const index = left.indexOf(line);
    if (index !== -1) left.splice(index, 1);
    return index === -1;
  });
}

t.test('each thing that steers the file changes its own lines, and no other', async (t) => {
  for (const [flips, base] of [
    [FLIPS, CLIENT],
    [DESK_FLIPS, { ...CLIENT, ...DESK }],
  ] as const) {
    for (const { title, office: candidate = {}, changed = candidate, client, input, lost, won } of flips) {
      const before = textOf(office(candidate), base);
      const after = textOf(office(changed), { ...base, ...client }, input);
      t.strictSame(missing(before, after), lost, `${title}: lost`);
      t.strictSame(missing(after, before), won, `${title}: won`);
    }
  }
});

t.test('codecs stand in the order of preference, those switched off last', async (t) => {
  const codecs = (candidate: object) =>
    textOf(office(candidate), CLIENT)
      .split('\n')
      .filter((line) => /^SET ENABLE_(?:G7|OPUS)/.test(line))
      .slice(0, 6)
      .map((line) => line.slice('SET ENABLE_'.length));
  t.strictSame(codecs({}), ['G711A 1', 'G711U 1', 'G729 1', 'OPUS 0', 'G722 0', 'G726 0']);
  t.strictSame(codecs({ system: { media: { codecs: ['G729', 'PCMU'] }, phones: { otherCodecs: ['G726', 'OPUS'] } } }), [
    'G726 1',
    'OPUS 1',
    'G729 1',
    'G711U 1',
    'G722 0',
    'G711A 0',
  ]);
});

t.test('a field that changes a line is named as its origin', async (t) => {
  for (const [path, changed] of [
    ['system.sip.domain', sip({ domain: 'example.com' })],
    ['lan1.registrarFqdn', NAMED],
    ['system.http.preferredPhonePorts', { system: { http: { preferredPhonePorts: true } } }],
    ['system.media.portHigh', media({ portHigh: 46789 })],
    ['system.media.codecs', media({ codecs: ['PCMA'] })],
    ['system.phones.otherCodecs', phones({ otherCodecs: ['OPUS'] })],
    ['system.media.dtmfPayloadType', media({ dtmfPayloadType: 120 })],
    ['system.media.security', media({ security: 'preferred' })],
    ['system.sip.phoneTransport', sip({ phoneTransport: 'udp' })],
    ['system.locale', { system: { locale: 'de-DE' } }],
    ['system.timeZone', { system: { timeZone: 'Asia/Tokyo' } }],
    ['system.telephony.messagingServer', telephony({ messagingServer: 'portal' })],
    ['system.cloud.enabled', { system: { cloud: { enabled: true } } }],
    ['system.phones.features', phones({ features: ['recording'] })],
    ['system.phones.desktopUpdatesUrl', phones({ desktopUpdatesUrl: 'http://x/' })],
    ['emergencyNumbers', { emergencyNumbers: { 5555: {} } }],
  ] as const) {
    const before = new Set(explainedLines(inputFor(office())).map(({ text }) => text));
    const changedLines = explainedLines(inputFor(office(changed))).filter(
      ({ text }) => text.startsWith('SET ') && !before.has(text),
    );
    t.ok(changedLines.length > 0, path);
    for (const { text, origin } of changedLines) t.ok(origin.fields?.includes(path), `${path}: ${text}`);
  }
});
