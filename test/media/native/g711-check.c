#include <stdlib.h>

#include "codec/g711.h"
#include "bench.h"

CHECK(check_g711, "G.711 codes survive, and no sample moves by more than half a step") {
  static const enum g711_law laws[] = {G711_ULAW, G711_ALAW};
  for (unsigned law = 0; law < 2; law++) {
    int16_t levels[256];
    for (unsigned code = 0; code < 256; code++) {
      const uint8_t byte = (uint8_t)code;
      uint8_t again;
      g711_decode(laws[law], &byte, 1, &levels[code]);
      g711_encode(laws[law], &levels[code], 1, &again);
      /* Mu-law has two zeros; the negative one comes back as the positive. */
      if (!(laws[law] == G711_ULAW && code == 0x7f)) EXPECT(again, code);
    }
    /* A sample lies within half a step of the level of its code; steps double with each segment. */
    const int finest = laws[law] == G711_ALAW ? 16 : 8;
    int wrong = 0;
    for (int sample = -32768; sample < 32768; sample++) {
      const int16_t pcm = (int16_t)sample;
      uint8_t code;
      g711_encode(laws[law], &pcm, 1, &code);
      const int segment = ((laws[law] == G711_ALAW ? code ^ 0x55 : ~code) >> 4) & 7;
      const int step = laws[law] == G711_ALAW && segment > 0 ? finest << (segment - 1) : finest << segment;
      const bool clipped = laws[law] == G711_ULAW && abs(sample) > 8158 * 4;
      if (!clipped && abs(levels[code] - sample) > step / 2) wrong++;
    }
    EXPECT(wrong, 0);
  }
}
