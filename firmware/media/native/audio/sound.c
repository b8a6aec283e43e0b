#include "audio/sound.h"

#include <string.h>

#define TICKS_PER_SECOND (1000 * SOUND_TICKS_PER_MS)
#define SILENCE_RATE 8000

void sound_of_silence(struct sound *sound) {
  memset(sound, 0, sizeof *sound);
  sound->kind = SOUND_SILENCE;
}

bool sound_of_tone(struct sound *sound, const struct tone_pattern *pattern, uint32_t sample_rate) {
  memset(sound, 0, sizeof *sound);
  sound->kind = SOUND_TONE;
  return tone_start(&sound->tone, pattern, sample_rate);
}

void sound_of_clips(struct sound *sound, struct clip *const *clips, unsigned count, bool repeated) {
  memset(sound, 0, sizeof *sound);
  sound->kind = SOUND_CLIPS;
  sound->clip_count = count;
  sound->repeated = repeated;
  memcpy(sound->clips, clips, count * sizeof *clips);
}

void sound_close(struct sound *sound) {
  for (unsigned i = 0; i < sound->clip_count; i++) clip_close(sound->clips[i]);
  sound->clip_count = 0;
  sound->clip = 0;
}

static const struct wav *playing(const struct sound *sound) { return clip_wav(sound->clips[sound->clip]); }

static void next_clip(struct sound *sound) {
  sound->position = 0;
  sound->clip++;
  if (sound->clip == sound->clip_count && sound->repeated) sound->clip = 0;
}

static uint64_t ticks_of(const struct wav *wav, uint64_t samples) { return samples * TICKS_PER_SECOND / wav->sample_rate; }

static void skip_clips(struct sound *sound, uint64_t ticks) {
  if (sound->repeated) {
    uint64_t round = 0;
    for (unsigned i = 0; i < sound->clip_count; i++) {
      const struct wav *wav = clip_wav(sound->clips[i]);
      round += ticks_of(wav, wav->samples);
    }
    ticks %= round;
  }
  while (sound->clip < sound->clip_count) {
    const struct wav *wav = playing(sound);
    const uint64_t left = ticks_of(wav, wav->samples - sound->position);
    if (ticks < left) {
      sound->position += (size_t)(ticks * wav->sample_rate / TICKS_PER_SECOND);
      return;
    }
    ticks -= left;
    next_clip(sound);
  }
}

void sound_skip(struct sound *sound, uint64_t ms) {
  if (sound->kind == SOUND_TONE) tone_skip(&sound->tone, ms * sound->tone.sample_rate / 1000);
  if (sound->kind == SOUND_CLIPS) skip_clips(sound, ms * SOUND_TICKS_PER_MS);
}

static size_t read_clips(struct sound *sound, int16_t *pcm, size_t ticks, uint32_t *sample_rate) {
  size_t done = 0;
  *sample_rate = SILENCE_RATE;
  while (sound->clip < sound->clip_count) {
    const struct wav *wav = playing(sound);
    if (done > 0 && wav->sample_rate != *sample_rate) break;
    *sample_rate = wav->sample_rate;
    const size_t wanted = ticks * wav->sample_rate / TICKS_PER_SECOND - done;
    if (wanted == 0) break;
    const size_t got = wav_read(wav, sound->position, pcm + done, wanted);
    sound->position += got;
    done += got;
    if (sound->position == wav->samples) next_clip(sound);
  }
  return done;
}

size_t sound_read(struct sound *sound, int16_t *pcm, size_t ticks, uint32_t *sample_rate) {
  switch (sound->kind) {
    case SOUND_SILENCE:
      break;
    case SOUND_TONE:
      *sample_rate = sound->tone.sample_rate;
      return tone_read(&sound->tone, pcm, ticks * *sample_rate / TICKS_PER_SECOND);
    case SOUND_CLIPS:
      return read_clips(sound, pcm, ticks, sample_rate);
  }
  *sample_rate = SILENCE_RATE;
  const size_t samples = ticks * SILENCE_RATE / TICKS_PER_SECOND;
  memset(pcm, 0, samples * sizeof *pcm);
  return samples;
}
