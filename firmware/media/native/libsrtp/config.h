/* What libsrtp2's configure would find: the same on every machine that we build for, a little-endian 64-bit Linux. */
#ifndef RINGDOWN_LIBSRTP_CONFIG_H
#define RINGDOWN_LIBSRTP_CONFIG_H

#define OPENSSL 1
#define GCM 1

#define HAVE_ARPA_INET_H 1
#define HAVE_BYTESWAP_H 1
#define HAVE_INTTYPES_H 1
#define HAVE_NETINET_IN_H 1
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_UNISTD_H 1
#define HAVE_INT8_T 1
#define HAVE_INT16_T 1
#define HAVE_INT32_T 1
#define HAVE_UINT8_T 1
#define HAVE_UINT16_T 1
#define HAVE_UINT32_T 1
#define HAVE_UINT64_T 1

#define PACKAGE_STRING "libsrtp2 2.5.0"
#define PACKAGE_VERSION "2.5.0"

#endif
