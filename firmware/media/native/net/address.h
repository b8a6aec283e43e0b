/* Addresses of sockets, IPv4 and IPv6. */
#ifndef RINGDOWN_ADDRESS_H
#define RINGDOWN_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* Reads a literal, with `%zone` for a link-local one. False when it is none; nothing is looked up. */
bool address_parse(const char *literal, uint16_t port, union address *address);
socklen_t address_length(const union address *address);
/* The same but for the port. */
bool address_same_host(const union address *a, const union address *b);
uint16_t address_port(const union address *address);
void address_set_port(union address *address, uint16_t port);
/* The literal, without the port; empty when `room` is too small. */
void address_print(const union address *address, char *text, size_t room);
/* 0.0.0.0 or ::, which are nowhere; the system takes them for this machine. */
bool address_is_unspecified(const union address *address);
bool address_equal(const union address *a, const union address *b);

#endif
