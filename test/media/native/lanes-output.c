/*
 * What the lanes of G.729 make of numbers, to compare processors by: lanes-output < NUMBERS
 *
 * NUMBERS of 16 bits go through each function of lanes.h as both of its operands, and as halves of numbers of 32 bits.
 */
#include "codec/g729/lanes.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUT_LANES (2 * LANES)

static void put16(lanes16 lanes) {
  int16_t numbers[LANES];
  lanes_store(numbers, lanes);
  if (fwrite(numbers, sizeof *numbers, LANES, stdout) != LANES) abort();
}

static void put32(lanes32 lanes) {
  int32_t numbers[HALF_LANES];
  lanes_store32(numbers, lanes);
  if (fwrite(numbers, sizeof *numbers, HALF_LANES, stdout) != HALF_LANES) abort();
}

/* Of a sum that is spread in no certain way, all of it. */
static void put_sum(lanes32 lanes) { put32(lanes_fill32(lanes_sum(lanes))); }

int main(void) {
  int16_t in[INPUT_LANES];
  while (fread(in, sizeof *in, INPUT_LANES, stdin) == INPUT_LANES) {
    const lanes16 a = lanes_load(in), b = lanes_load(in + LANES);
    int32_t wide[LANES];
    memcpy(wide, in, sizeof wide);
    const lanes32 low = lanes_load32(wide), high = lanes_load32(wide + HALF_LANES);
    put16(lanes_weave_low(a, b));
    put16(lanes_weave_high(a, b));
    put16(lanes_narrow(low, high));
    /* Just inside and just outside 16 bits, which whole numbers of 32 bits seldom are. */
    put16(lanes_narrow(low >> 14, high >> 15));
    put16(lanes_multiply_high(a, b));
    put16(lanes_repeat(in[0], in[1]));
    put16(lanes_subtract(a, b));
    put32(lanes_multiply_pairs(a, b));
    put_sum(lanes_accumulate(low, a, b));
    put_sum(low);
    put32(lanes_fill32(lanes_dot(in, in, INPUT_LANES)));
  }
  return 0;
}
