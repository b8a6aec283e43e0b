/*
 * The search for the four pulses of a subframe (G.729 §3.8, §A.3.8): takes the place of bcg729's file, with its results bit
 * by bit.
 */
#include <stdbool.h>

#include "typedef.h"
#include "codecParameters.h"
#include "fixedCodebookSearch.h"
#include "utils.h"

#include "codec/g729/lanes.h"
#include "codec/g729/tables.h"

#define SIZE L_SUBFRAME
#define LAST (SIZE - 1)
#define TRACKS 5
#define PLACES LANES
#define PULSES 4
_Static_assert(TRACKS * PLACES == SIZE, "eight places a track");
/* Of the greatest energy: ten of these are summed. */
#define MAX_ENERGY 0x6666666
#define CORRELATION_BITS 13
#define PULSE 8192 /* Q13 */

/*
 * What the search looks at. A place is a sample of the subframe; those of a track are TRACKS apart, and its pulse is at one of
 * them. Numbers of a track's places are beside each other here.
 */
struct field {
  int32_t correlation[TRACKS][PLACES]; /* without its sign */
  int32_t sign[TRACKS][PLACES];        /* 0, or -1 where it is negative */
  int32_t energy[TRACKS][PLACES];      /* half of that of a pulse there */
  unsigned scale;                      /* bits that energies are shifted by */
  /* Of two pulses, the later one at LAST - row, so many samples apart; without scale and signs. */
  int32_t common[SIZE][SIZE];
};

struct place {
  unsigned track, number;
};

struct pulses {
  int32_t square; /* of the correlation */
  int32_t energy;
  int32_t correlation;
  struct place first, second;
};

/* Where in `common` the energies of one place and of each place of a track are. */
static uint16_t common_at[TRACKS][PLACES][TRACKS][PLACES];

static unsigned sample_of(struct place place) { return place.track + TRACKS * place.number; }

AT_LOAD(find_common) {
  for (unsigned a = 0; a < SIZE; a++) {
    for (unsigned b = 0; b < SIZE; b++) {
      const unsigned later = a > b ? a : b, apart = later - (a > b ? b : a);
      common_at[a % TRACKS][a / TRACKS][b % TRACKS][b / TRACKS] = (uint16_t)((LAST - later) * SIZE + apart);
    }
  }
}

/* The part that came `delay` samples ago comes again (eq. 48, 49). */
static void repeat_pitch(int16_t *signal, unsigned delay, int16_t gain) {
  for (unsigned i = delay; i < SIZE; i++) signal[i] = (int16_t)(signal[i] + ((signal[i - delay] * gain) >> 14));
}

static void take_correlation(struct field *field, const int32_t *correlation) {
  int32_t most = 0;
  for (unsigned i = 0; i < SIZE; i++) {
    const int32_t absolute = correlation[i] >= 0 ? correlation[i] : -correlation[i];
    if (absolute > most) most = absolute;
  }
  const unsigned bits = most == 0 ? 0 : 32 - (unsigned)__builtin_clz((uint32_t)most);
  const unsigned shift = bits > CORRELATION_BITS ? bits - CORRELATION_BITS : 0;
  for (unsigned track = 0; track < TRACKS; track++) {
    for (unsigned i = 0; i < PLACES; i++) {
      const int16_t value = (int16_t)(correlation[track + TRACKS * i] >> shift);
      field->sign[track][i] = value >= 0 ? 0 : -1;
      field->correlation[track][i] = (int16_t)(value >= 0 ? value : -value);
    }
  }
}

/* As many bits as keep the sum of all energies of four pulses within 31. */
static unsigned scale_of(int32_t greatest) {
  if (greatest <= MAX_ENERGY) return 0;
  int32_t number = (greatest << 1) + MAX_ENERGY / 2;
  unsigned zeros = 0;
  /* A sum that has wrapped is taken as it is, as bcg729 does. */
  for (; number < 0x40000000 && zeros < 31; zeros++) number <<= 1;
  return (3 - zeros) & 31;
}

/* Row by row: the sums of impulse[n] impulse[n + apart] up to the row's n (eq. 51), all distances at once. */
static void correlate_impulse(struct field *field, const int16_t *impulse) {
  static const int32_t nothing[SIZE];
  int16_t padded[SIZE + SIZE] = {0};
  memcpy(padded, impulse, SIZE * sizeof *padded);
  const int32_t *before = nothing;
  for (unsigned row = 0; row < SIZE; row++) {
    const lanes16 factor = lanes_repeat(impulse[row], 0);
    for (unsigned apart = 0; apart < SIZE - row; apart += LANES) {
      const lanes16 samples = lanes_load(padded + row + apart);
      int32_t *const sums = field->common[row] + apart;
      lanes_store32(sums, lanes_load32(before + apart) + lanes_multiply_pairs(lanes_weave_low(samples, samples), factor));
      lanes_store32(sums + HALF_LANES,
                    lanes_load32(before + apart + HALF_LANES) + lanes_multiply_pairs(lanes_weave_high(samples, samples), factor));
    }
    before = field->common[row];
  }
  field->scale = scale_of(field->common[LAST][0] >> 1);
  for (unsigned track = 0; track < TRACKS; track++) {
    for (unsigned i = 0; i < PLACES; i++) {
      field->energy[track][i] = field->common[LAST - track - TRACKS * i][0] >> 1 >> field->scale;
    }
  }
}

/* Adds the energies of the pulse at `place` and each place of a track, with the sign that both together have. */
static void add_common(const struct field *field, struct place place, unsigned track, int32_t energies[PLACES]) {
  const int32_t *const common = field->common[0];
  const uint16_t *const at = common_at[place.track][place.number][track];
  const int32_t sign = field->sign[place.track][place.number];
  int32_t found[PLACES];
  for (unsigned i = 0; i < PLACES; i++) found[i] = common[at[i]];
  for (unsigned i = 0; i < PLACES; i++) {
    const int32_t negative = field->sign[track][i] ^ sign;
    energies[i] += ((found[i] >> field->scale) ^ negative) - negative;
  }
}

/* Is one more correlated with the target for its energy than the other (eq. 53)? */
static bool is_better(int32_t square, int32_t energy, int32_t than_square, int32_t than_energy) {
  return (int64_t)than_energy * square > (int64_t)energy * than_square;
}

/* Where sums have wrapped nothing may be better than nothing: then the places of the search before stay, as in bcg729. */
static struct pulses nothing_better(const struct pulses *before) {
  return (struct pulses){.square = -1, .energy = 1, .first = before->first, .second = before->second};
}

static unsigned strongest(const int32_t correlation[PLACES], unsigned except) {
  int32_t most = -1;
  unsigned place = 0;
  for (unsigned i = 0; i < PLACES; i++) {
    if (correlation[i] <= most || i == except) continue;
    place = i;
    most = correlation[i];
  }
  return place;
}

/* The two strongest places of one track, each with every place of another one. */
static void search_pair(const struct field *field, unsigned track, unsigned other, struct pulses *found) {
  struct pulses best = nothing_better(found);
  struct place place = {track, PLACES};
  for (unsigned i = 0; i < 2; i++) {
    place.number = strongest(field->correlation[track], place.number);
    const int32_t correlation = field->correlation[track][place.number];
    int32_t energies[PLACES];
    for (unsigned j = 0; j < PLACES; j++) energies[j] = field->energy[other][j] + field->energy[track][place.number];
    add_common(field, place, other, energies);
    for (unsigned j = 0; j < PLACES; j++) {
      const int32_t sum = (int16_t)(correlation + field->correlation[other][j]);
      if (!is_better(sum * sum, energies[j], best.square, best.energy)) continue;
      best = (struct pulses){sum * sum, energies[j], sum, place, {other, j}};
    }
  }
  *found = best;
}

/* The energies of all places of two tracks with each other, which both searches of these tracks need. */
static void common_of(const struct field *field, unsigned track, unsigned other, int32_t energies[PLACES][PLACES]) {
  memset(energies, 0, PLACES * sizeof *energies);
  for (unsigned i = 0; i < PLACES; i++) add_common(field, (struct place){track, i}, other, energies[i]);
}

/* Every place of one track with every place of the next one, beside the two pulses that are there already. */
static void search_all(const struct field *field, int32_t common[PLACES][PLACES], const struct pulses *pair, unsigned track,
                       struct pulses *found) {
  const unsigned other = track + 1;
  int32_t firsts[PLACES], seconds[PLACES];
  memcpy(firsts, field->energy[track], sizeof firsts);
  memcpy(seconds, field->energy[other], sizeof seconds);
  add_common(field, pair->first, track, firsts);
  add_common(field, pair->second, track, firsts);
  add_common(field, pair->first, other, seconds);
  add_common(field, pair->second, other, seconds);
  struct pulses best = nothing_better(found);
  int32_t square = best.square, energy = best.energy;
  for (unsigned i = 0; i < PLACES; i++) {
    const int32_t correlation = pair->correlation + field->correlation[track][i], first = pair->energy + firsts[i];
    int32_t squares[PLACES], energies[PLACES];
    for (unsigned j = 0; j < PLACES; j += HALF_LANES) {
      /* Their lower 16 bits, as the products of pairs of which the upper ones are nothing. */
      const lanes32 sums = (lanes_load32(field->correlation[other] + j) + lanes_fill32(correlation)) & 0xffff;
      lanes_store32(squares + j, lanes_multiply_pairs((lanes16)sums, (lanes16)sums));
      lanes_store32(energies + j, lanes_load32(common[i] + j) + lanes_load32(seconds + j) + lanes_fill32(first));
    }
    for (unsigned j = 0; j < PLACES; j++) {
      if (__builtin_expect(!is_better(squares[j], energies[j], square, energy), 1)) continue;
      square = squares[j];
      energy = energies[j];
      best.first = (struct place){track, i};
      best.second = (struct place){other, j};
    }
  }
  best.square = square;
  best.energy = energy;
  *found = best;
}

/* One place of each of the first three tracks, and one of the fourth or fifth. */
static void search(const struct field *field, struct place places[PULSES]) {
  struct pulses pair = {.square = -1, .energy = 1}, rest = pair, best = pair;
  int32_t common[2][PLACES][PLACES];
  common_of(field, 0, 1, common[0]);
  common_of(field, 1, 2, common[1]);
  memset(places, 0, PULSES * sizeof *places);
  for (unsigned last = 3; last < TRACKS; last++) {
    for (unsigned turn = 0; turn < 2; turn++) {
      search_pair(field, turn == 0 ? 2 : last, turn == 0 ? last : 0, &pair);
      search_all(field, common[turn], &pair, turn, &rest);
      if (!is_better(rest.square, rest.energy, best.square, best.energy)) continue;
      best = rest;
      places[turn] = rest.first;
      places[turn + 1] = rest.second;
      places[turn == 0 ? 2 : 3] = pair.first;
      places[turn == 0 ? 3 : 0] = pair.second;
    }
  }
}

/* What the pulses sound like behind the filter (eq. 64). */
static void convolve(const struct field *field, const struct place places[PULSES], const int16_t *impulse, int16_t *convolved) {
  int16_t padded[SIZE + SIZE] = {0};
  memcpy(padded + SIZE, impulse, SIZE * sizeof *padded);
  memset(convolved, 0, SIZE * sizeof *convolved);
  for (unsigned pulse = 0; pulse < PULSES; pulse++) {
    const int16_t *delayed = padded + SIZE - sample_of(places[pulse]);
    const int16_t negative = (int16_t)field->sign[places[pulse].track][places[pulse].number];
    for (unsigned i = 0; i < SIZE; i++) convolved[i] = (int16_t)(convolved[i] + ((delayed[i] ^ negative) - negative));
  }
}

void fixedCodebookSearch(word16_t targetSignal[], word16_t impulseResponse[], int16_t intPitchDelay,
                         word16_t lastQuantizedAdaptativeCodebookGain, word16_t filteredAdaptativeCodebookVector[],
                         word16_t adaptativeCodebookGain, uint16_t *fixedCodebookParameter, uint16_t *fixedCodebookPulsesSigns,
                         word16_t fixedCodebookVector[], word16_t fixedCodebookVectorConvolved[]) {
  int16_t target[SIZE];
  int32_t correlation[SIZE];
  struct field field;
  for (unsigned i = 0; i < SIZE; i++) {
    target[i] = (int16_t)(targetSignal[i] - ((filteredAdaptativeCodebookVector[i] * adaptativeCodebookGain) >> 14));
  }
  repeat_pitch(impulseResponse, (unsigned)intPitchDelay, lastQuantizedAdaptativeCodebookGain);
  correlateVectors(target, impulseResponse, correlation);
  take_correlation(&field, correlation);
  correlate_impulse(&field, impulseResponse);

  struct place places[PULSES];
  search(&field, places);
  memset(fixedCodebookVector, 0, SIZE * sizeof *fixedCodebookVector);
  *fixedCodebookPulsesSigns = 0;
  for (unsigned i = 0; i < PULSES; i++) {
    const bool negative = field.sign[places[i].track][places[i].number] != 0;
    fixedCodebookVector[sample_of(places[i])] = negative ? -PULSE : PULSE;
    if (!negative) *fixedCodebookPulsesSigns |= (uint16_t)(1u << i);
  }
  repeat_pitch(fixedCodebookVector, (unsigned)intPitchDelay, lastQuantizedAdaptativeCodebookGain);
  /* §3.8.2: three bits a place, and one that tells the fourth track from the fifth. */
  const unsigned is_fifth = places[3].track == TRACKS - 1;
  *fixedCodebookParameter = (uint16_t)(places[0].number | places[1].number << 3 | places[2].number << 6 | is_fifth << 9 | places[3].number << 10);
  convolve(&field, places, impulseResponse, fixedCodebookVectorConvolved);
}
