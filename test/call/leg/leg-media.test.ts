import t from 'tap';
import type { Sound } from '../../../firmware/media/client.ts';
import { FakeBox, FakeCaller, settle } from '../fakes.ts';

const music: Sound = { kind: 'files', names: ['music/default'], repeated: true };
const words: Sound = { kind: 'files', names: ['prompt/busy'] };

t.test('a sound that is stopped before its session is open is never heard', async (t) => {
  const box = new FakeBox();
  const { media } = box.leg(new FakeCaller());
  media.hear(music);
  media.stop();
  await settle();
  t.equal(box.media.sessions[0]?.hears, 'nothing');
  media.hear(music);
  media.stop();
  await settle();
  t.equal(box.media.sessions[0]?.hears, 'nothing', 'nor where it is open');
  await media.close();
});

t.test(
  'of two sounds the later one is heard, and who waits for the end of the other does not wait for ever',
  async (t) => {
    const box = new FakeBox();
    const { media } = box.leg(new FakeCaller());
    const announced = media.announce(words);
    media.hear(music);
    t.equal(await announced, false);
    t.equal(box.media.sessions[0]?.hears, 'music/default');
    const ended = media.announce(words);
    await settle();
    box.media.sessions[0]?.tell({ kind: 'playbackEnded', playback: 1 });
    t.equal(await ended, true);
    const closed = media.announce(words);
    await settle();
    await media.close();
    t.equal(await closed, false);
    t.same(box.lines, []);
  },
);
