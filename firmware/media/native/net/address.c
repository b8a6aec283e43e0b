#include "net/address.h"

#include <netdb.h>
#include <string.h>

bool address_parse(const char *literal, uint16_t port, union address *address) {
  const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
  struct addrinfo *found = NULL;
  if (getaddrinfo(literal, NULL, &hints, &found) != 0) return false;
  const bool known = found->ai_family == AF_INET || found->ai_family == AF_INET6;
  memset(address, 0, sizeof *address);
  if (known) memcpy(address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (!known) return false;
  address_set_port(address, port);
  return true;
}

void address_set_port(union address *address, uint16_t port) {
  if (address->any.sa_family == AF_INET) {
    address->v4.sin_port = htons(port);
  } else {
    address->v6.sin6_port = htons(port);
  }
}

socklen_t address_length(const union address *address) {
  return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

bool address_same_host(const union address *a, const union address *b) {
  if (a->any.sa_family != b->any.sa_family) return false;
  if (a->any.sa_family == AF_INET) return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
  return a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
         memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

bool address_equal(const union address *a, const union address *b) {
  if (!address_same_host(a, b)) return false;
  return a->any.sa_family == AF_INET ? a->v4.sin_port == b->v4.sin_port : a->v6.sin6_port == b->v6.sin6_port;
}

bool address_is_unspecified(const union address *address) {
  if (address->any.sa_family == AF_INET) return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
  return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

uint16_t address_port(const union address *address) {
  return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

void address_print(const union address *address, char *text, size_t room) {
  if (getnameinfo(&address->any, address_length(address), text, (socklen_t)room, NULL, 0, NI_NUMERICHOST) != 0) text[0] = 0;
}
