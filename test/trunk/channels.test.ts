import t from 'tap';
import { Channels, ChannelsOfLines, type ChannelUse } from '../../firmware/trunk/channels.ts';
import { verdictOn } from '../../firmware/trunk/final-status.ts';

const LIMITS = { channels: 3, incomingChannels: 2, outgoingChannels: 2 };
const use = (direction: ChannelUse['direction'], more: Partial<ChannelUse> = {}): ChannelUse => ({
  direction,
  isEmergency: false,
  drop: () => undefined,
  ...more,
});

t.test('channels are limited by direction and in all', async (t) => {
  const channels = new Channels();
  const first = channels.take(use('in'), LIMITS);
  t.ok(channels.take(use('in'), LIMITS));
  t.equal(channels.take(use('in'), LIMITS), undefined, 'of one direction');
  t.ok(channels.take(use('out'), LIMITS));
  t.equal(channels.take(use('out'), LIMITS), undefined, 'in all');
  first?.();
  first?.();
  t.equal(channels.inUse, 2, 'freed once');
  t.ok(channels.take(use('out'), LIMITS));
  t.equal(channels.count('out'), 2);
});

t.test('help takes the channel of the youngest other call, and of no other help', async (t) => {
  const channels = new Channels();
  const dropped: string[] = [];
  const named = (name: string, isEmergency = false): ChannelUse =>
    use(name === 'old' ? 'in' : 'out', { isEmergency, drop: () => void dropped.push(name) });
  channels.take(named('old'), LIMITS);
  channels.take(named('middle'), LIMITS);
  const young = channels.take(named('young'), LIMITS);
  t.ok(channels.take(named('help', true), LIMITS));
  t.strictSame(dropped, ['young']);
  young?.();
  t.equal(channels.inUse, 3, 'the end of the dropped call frees nothing of others');
  channels.take(named('help 2', true), LIMITS);
  channels.take(named('help 3', true), LIMITS);
  t.strictSame(dropped, ['young', 'middle', 'old']);
  t.notOk(channels.hasCallToDrop);
  t.ok(channels.take(named('help 4', true), LIMITS), 'rather one too many than none');
  t.strictSame(dropped, ['young', 'middle', 'old']);
});

t.test('of a line that is gone nothing is kept once its calls are over', async (t) => {
  const lines = new ChannelsOfLines();
  lines.keep(['1', '2', '3']);
  const [busy, free] = [lines.of('1'), lines.of('2')];
  const over = busy.take(use('out'), LIMITS);
  free.take(use('in'), LIMITS)?.();
  t.equal(lines.size, 2, 'of lines that are there');
  lines.keep(['3']);
  t.equal(lines.size, 1, 'a call goes on');
  t.equal(lines.of('1'), busy, 'and counts on a line that comes back');
  over?.();
  t.equal(lines.size, 0);
  over?.();
  t.not(lines.of('1'), busy);
});

t.test('what follows on each final status', async (t) => {
  const cases: readonly (readonly [number, boolean, number | undefined, string, number])[] = [
    [408, true, undefined, 'again', 0],
    [503, true, undefined, 'again', 0],
    [503, false, undefined, 'again', 0],
    [503, false, 120, 'next', 120],
    [430, false, undefined, 'again', 0],
    [500, false, undefined, 'next', 0],
    [502, false, undefined, 'next', 0],
    [504, false, undefined, 'next', 0],
    [408, false, undefined, 'next', 0],
    [401, false, undefined, 'next', 0],
    [407, false, undefined, 'next', 0],
    [302, false, undefined, 'next', 0],
    [486, false, undefined, 'final', 0],
    [600, false, undefined, 'final', 0],
    [603, false, undefined, 'final', 0],
    [404, false, undefined, 'final', 0],
    [480, false, 60, 'final', 0],
    [484, false, undefined, 'final', 0],
    [403, false, undefined, 'final', 0],
    [487, false, undefined, 'final', 0],
    [699, false, undefined, 'final', 0],
  ];
  for (const [status, isOwn, retryAfter, go, holdSeconds] of cases) {
    t.match(verdictOn(status, isOwn, retryAfter), { go, holdSeconds }, `${status} ${isOwn ? 'of ours' : ''}`);
  }
});
