/*
 * The quantizer of the line spectrum (G.729 §3.2.4, §A.3.2.4): takes the place of bcg729's function of this name, with its
 * results bit by bit.
 */
#include "typedef.h"
#include "codecParameters.h"
#include "basicOperationsMacros.h"
#include "codebooks.h"
#include "utils.h"
#include "g729FixedPointMath.h"
#include "LSPQuantization.h"

#include "codec/g729/lanes.h"
#include "codec/g729/tables.h"

#define ORDER NB_LSP_COEFF
#define HALF (ORDER / 2)
#define FIRST_ENTRIES L1_RANGE
#define SECOND_ENTRIES L2_RANGE
#define PREDICTORS L0_RANGE

/* The codebooks, so that many entries are compared at a time: coefficients in pairs, and one after another. */
static int16_t first_stage[HALF][FIRST_ENTRIES][2];
static int32_t second_stage[ORDER][SECOND_ENTRIES];

AT_LOAD(turn_codebooks) {
  for (unsigned entry = 0; entry < FIRST_ENTRIES; entry++) {
    for (unsigned i = 0; i < ORDER; i++) first_stage[i / 2][entry][i % 2] = L1[entry][i];
  }
  for (unsigned entry = 0; entry < SECOND_ENTRIES; entry++) {
    for (unsigned i = 0; i < ORDER; i++) second_stage[i][entry] = L2L3[entry][i];
  }
}

struct choice {
  uint16_t first, low, high; /* entries of the first stage, and of the second one's two halves */
  uint32_t error;
};

static int32_t held_to_16_bits(int32_t number) {
  const int32_t not_more = number > INT16_MAX ? INT16_MAX : number;
  return not_more < INT16_MIN ? INT16_MIN : not_more;
}

/* How much each frequency counts (eq. 22), Q11. */
static void weigh(const int16_t *frequencies, uint16_t *weights) {
  for (unsigned i = 0; i < ORDER; i++) {
    int16_t room;
    if (i == 0) room = (int16_t)(frequencies[1] - OO4PIPLUS1_IN_Q13);
    else if (i == ORDER - 1) room = (int16_t)(O92PIMINUS1_IN_Q13 - frequencies[ORDER - 2]);
    else room = (int16_t)(frequencies[i + 1] - frequencies[i - 1] - ONE_IN_Q13);
    const int32_t weight = ((room * room >> 13) * 10 + 2) >> 2;
    weights[i] = room > 0 ? ONE_IN_Q11 : (uint16_t)held_to_16_bits(weight + ONE_IN_Q11);
  }
  for (unsigned i = HALF - 1; i <= HALF; i++) weights[i] = (uint16_t)(weights[i] * ONE_POINT_2_IN_Q14 >> 14);
}

/* Entries of the first stage whose distances to the target are in `distances`, and the first of the least ones. */
static uint16_t nearest_of_first(const int16_t *target) {
  lanes16 wanted[HALF];
  for (unsigned i = 0; i < HALF; i++) wanted[i] = lanes_repeat(target[2 * i], target[2 * i + 1]);
  lanes32 least = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, where = {0, 0, 0, 0};
  for (int32_t entry = 0; entry < FIRST_ENTRIES; entry += LANES / 2) {
    lanes32 distance = {0, 0, 0, 0};
    for (unsigned i = 0; i < HALF; i++) {
      const lanes16 difference = lanes_subtract(wanted[i], lanes_load(first_stage[i][entry]));
      distance += lanes_multiply_pairs(difference, difference);
    }
    const lanes32 nearer = (lanes32)(distance < least);
    least = (nearer & distance) | (~nearer & least);
    where = (nearer & (lanes32){entry, entry, entry, entry}) | (~nearer & where);
  }
  int32_t entry = where[0], distance = least[0];
  for (int32_t lane = 1; lane < LANES / 2; lane++) {
    if (least[lane] > distance || (least[lane] == distance && where[lane] + lane > entry)) continue;
    distance = least[lane];
    entry = where[lane] + lane;
  }
  return (uint16_t)entry;
}

/* The entry of the second stage that is nearest to what the first one left, from coefficient `from` on. */
static uint16_t nearest_of_second(const int32_t *left, const uint16_t *weights, const int16_t *sums, unsigned from) {
  int32_t distances[SECOND_ENTRIES] = {0};
  for (unsigned i = from; i < from + HALF; i++) {
    const int32_t wanted = left[i], sum = sums[i], weight = weights[i];
    for (unsigned entry = 0; entry < SECOND_ENTRIES; entry++) {
      const int32_t difference = held_to_16_bits((wanted - second_stage[i][entry]) * sum >> 15);
      distances[entry] += difference * (difference * weight >> 11);
    }
  }
  uint16_t nearest = 0;
  for (uint16_t entry = 1; entry < SECOND_ENTRIES; entry++) {
    if (distances[entry] < distances[nearest]) nearest = entry;
  }
  return nearest;
}

/* Pushes two neighbours apart. That the second one is moved by where the first one then is, is how bcg729 does it. */
static void keep_apart(int16_t *vector, unsigned from, unsigned to, int gap) {
  for (unsigned i = from; i < to; i++) {
    if (vector[i - 1] <= vector[i] - gap) continue;
    vector[i - 1] = (int16_t)(((int16_t)(vector[i] + vector[i - 1]) - gap + 1) >> 1);
    vector[i] = (int16_t)(((int16_t)((int16_t)(vector[i] + vector[i - 1]) + gap) + 1) >> 1);
  }
}

static uint32_t error_of(const int16_t *target, const int16_t *vector, const uint16_t *weights, const int16_t *sums) {
  uint32_t error = 0;
  for (unsigned i = 0; i < ORDER; i++) {
    const int32_t scaled = (target[i] - vector[i]) * sums[i] >> 15;
    const int32_t absolute = scaled > 0 ? scaled : -scaled;
    const int32_t held = (uint16_t)(absolute > MAXUINT16 ? MAXUINT16 : absolute);
    error += (uint32_t)held * (uint32_t)(held * (int32_t)weights[i] >> 11);
  }
  return error;
}

static int16_t entry_at(const struct choice *choice, unsigned i) {
  return (int16_t)(L1[choice->first][i] + L2L3[i < HALF ? choice->low : choice->high][i]);
}

/* With one of the two predictors: what is to be quantized (eq. 23), and what comes nearest. */
static struct choice choose(unsigned predictor, const int16_t *frequencies, int16_t past[MA_MAX_K][ORDER], const uint16_t *weights) {
  const int16_t *sums = MAPredictorSum[predictor];
  int16_t target[ORDER], vector[ORDER];
  int32_t left[ORDER];
  for (unsigned i = 0; i < ORDER; i++) {
    int32_t rest = frequencies[i] * 32768;
    for (unsigned j = 0; j < MA_MAX_K; j++) rest -= past[j][i] * MAPredictor[predictor][j][i];
    target[i] = (int16_t)((int16_t)((rest + 16384) >> 15) * invMAPredictorSum[predictor][i] >> 12);
  }
  struct choice choice = {.first = nearest_of_first(target)};
  for (unsigned i = 0; i < ORDER; i++) left[i] = target[i] - L1[choice.first][i];
  choice.low = nearest_of_second(left, weights, sums, 0);
  choice.high = nearest_of_second(left, weights, sums, HALF);
  for (unsigned i = 0; i < ORDER; i++) vector[i] = entry_at(&choice, i);
  keep_apart(vector, 1, HALF, GAP1);
  keep_apart(vector, HALF + 1, ORDER, GAP1);
  keep_apart(vector, 1, ORDER, GAP2);
  choice.error = error_of(target, vector, weights, sums);
  return choice;
}

/* Frequencies that make a stable filter, in order and apart. */
static void stabilise(int16_t *frequencies) {
  insertionSort(frequencies, ORDER);
  if (frequencies[1] < qLSF_MIN) frequencies[1] = qLSF_MIN;
  for (unsigned i = 0; i < ORDER - 1; i++) {
    if ((int16_t)frequencies[i + 1] - frequencies[i] < MIN_qLSF_DISTANCE) frequencies[i + 1] = (int16_t)(frequencies[i] + MIN_qLSF_DISTANCE);
  }
  if (frequencies[ORDER - 1] > qLSF_MAX) frequencies[ORDER - 1] = qLSF_MAX;
}

void LSPQuantization(bcg729EncoderChannelContextStruct *encoderChannelContext, word16_t LSPCoefficients[],
                     word16_t qLSPCoefficients[], uint16_t parameters[]) {
  int16_t (*past)[ORDER] = encoderChannelContext->previousqLSF;
  int16_t frequencies[ORDER], vector[ORDER];
  uint16_t weights[ORDER];
  for (unsigned i = 0; i < ORDER; i++) frequencies[i] = g729Acos_Q15Q13(LSPCoefficients[i]);
  weigh(frequencies, weights);
  const struct choice choices[PREDICTORS] = {choose(0, frequencies, past, weights), choose(1, frequencies, past, weights)};
  const unsigned predictor = choices[0].error < choices[1].error ? 0 : 1;
  const struct choice *choice = &choices[predictor];
  parameters[0] = (uint16_t)predictor;
  parameters[1] = choice->first;
  parameters[2] = choice->low;
  parameters[3] = choice->high;

  for (unsigned i = 0; i < ORDER; i++) vector[i] = entry_at(choice, i);
  rearrangeCoefficients(vector, GAP1);
  rearrangeCoefficients(vector, GAP2);
  for (unsigned i = 0; i < ORDER; i++) {
    int32_t sum = MAPredictorSum[predictor][i] * vector[i];
    for (unsigned j = 0; j < MA_MAX_K; j++) sum += MAPredictor[predictor][j][i] * past[j][i];
    frequencies[i] = (int16_t)((sum + 16384) >> 15);
  }
  memmove(past[1], past[0], (MA_MAX_K - 1) * sizeof *past);
  memcpy(past[0], vector, sizeof vector);
  stabilise(frequencies);
  for (unsigned i = 0; i < ORDER; i++) qLSPCoefficients[i] = g729Cos_Q13Q15(frequencies[i]);
}
