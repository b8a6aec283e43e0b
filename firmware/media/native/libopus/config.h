/* What libopus' configure would find: the same on every machine that we build for, a 64-bit Linux. */
#ifndef RINGDOWN_LIBOPUS_CONFIG_H
#define RINGDOWN_LIBOPUS_CONFIG_H

#define OPUS_BUILD 1
#define VAR_ARRAYS 1
#define HAVE_LRINT 1
#define HAVE_LRINTF 1
#define HAVE_STDINT_H 1
#define PACKAGE_VERSION "1.3.1"

#endif
