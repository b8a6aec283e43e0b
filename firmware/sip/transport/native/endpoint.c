#define _GNU_SOURCE
#include "endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The zone behind `%` is a name or a number (RFC 4007 section 11). */
static bool parse_zone(const char *zone, uint32_t *scope) {
  char *rest = NULL;
  *scope = if_nametoindex(zone);
  if (*scope != 0) return true;
  const unsigned long number = strtoul(zone, &rest, 10);
  *scope = (uint32_t)number;
  return rest != zone && *rest == 0 && number > 0 && number <= UINT32_MAX;
}

/* `text` needs no end: it has `length` bytes. */
bool endpoint_parse(const char *text, size_t length, uint16_t port, union endpoint *endpoint) {
  char copy[ADDRESS_BYTES];
  if (length >= sizeof copy) return false;
  memcpy(copy, text, length);
  copy[length] = 0;
  memset(endpoint, 0, sizeof *endpoint);
  if (memchr(copy, ':', length) == NULL) {
    endpoint->v4.sin_family = AF_INET;
    endpoint->v4.sin_port = htons(port);
    return inet_pton(AF_INET, copy, &endpoint->v4.sin_addr) == 1;
  }
  char *zone = memchr(copy, '%', length);
  if (zone != NULL) {
    *zone = 0;
    if (!parse_zone(zone + 1, &endpoint->v6.sin6_scope_id)) return false;
  }
  endpoint->v6.sin6_family = AF_INET6;
  endpoint->v6.sin6_port = htons(port);
  return inet_pton(AF_INET6, copy, &endpoint->v6.sin6_addr) == 1;
}

socklen_t endpoint_size(int family) {
  return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

uint16_t endpoint_port(const union endpoint *endpoint) {
  return ntohs(endpoint->any.sa_family == AF_INET6 ? endpoint->v6.sin6_port : endpoint->v4.sin_port);
}

static uint32_t format_ipv6(const struct sockaddr_in6 *address, char text[ADDRESS_BYTES]) {
  char zone[IF_NAMESIZE];
  if (inet_ntop(AF_INET6, &address->sin6_addr, text, ADDRESS_BYTES) == NULL) return 0;
  size_t length = strlen(text);
  if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) && if_indextoname(address->sin6_scope_id, zone) != NULL &&
      length + 1 + strlen(zone) < ADDRESS_BYTES) {
    text[length] = '%';
    strcpy(text + length + 1, zone);
    length += 1 + strlen(zone);
  }
  return (uint32_t)length;
}

uint32_t endpoint_format(const union endpoint *endpoint, char text[ADDRESS_BYTES]) {
  if (endpoint->any.sa_family == AF_INET6) return format_ipv6(&endpoint->v6, text);
  if (inet_ntop(AF_INET, &endpoint->v4.sin_addr, text, ADDRESS_BYTES) == NULL) return 0;
  return (uint32_t)strlen(text);
}
