/* ITU-T G.711 without a stream around it, as a file of samples has it. */
#ifndef RINGDOWN_G711_H
#define RINGDOWN_G711_H

#include <stddef.h>
#include <stdint.h>

enum g711_law { G711_ULAW, G711_ALAW };

void g711_decode(enum g711_law law, const uint8_t *bytes, size_t count, int16_t *pcm);
void g711_encode(enum g711_law law, const int16_t *pcm, size_t count, uint8_t *bytes);

#endif
