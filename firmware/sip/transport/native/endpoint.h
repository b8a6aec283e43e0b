/* Addresses of IPv4 and IPv6 as text and as the kernel wants them. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv6 address with a zone, or an IPv4 address; the end of the text included. */
#define ADDRESS_BYTES 64

union endpoint {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* `text` needs no end: it has `length` bytes. False where it is no address. */
_Bool endpoint_parse(const char *text, size_t length, uint16_t port, union endpoint *endpoint);

socklen_t endpoint_size(int family);

uint16_t endpoint_port(const union endpoint *endpoint);

/* Writes the text, of IPv6 with its zone where it has one; returns its length, 0 where that fails. */
uint32_t endpoint_format(const union endpoint *endpoint, char text[ADDRESS_BYTES]);

#endif
