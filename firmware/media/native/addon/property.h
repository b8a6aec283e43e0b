/*
 * Named properties of JavaScript objects, read and written. A reader that returns false has an exception pending that
 * names the property: return NULL to JavaScript then. Absent is an error unless there is a fallback.
 */
#ifndef RINGDOWN_PROPERTY_H
#define RINGDOWN_PROPERTY_H

#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Leaves the calling function when Node-API failed; it has an exception pending then. */
#define TRY(call)                       \
  do {                                  \
    if ((call) != napi_ok) return NULL; \
  } while (0)

/* Throws an Error with a code of errors.ts. Always NULL. */
napi_value throw_error(napi_env env, const char *code, const char *message);
/* Exactly `wanted` arguments. */
bool read_arguments(napi_env env, napi_callback_info info, napi_value *arguments, size_t wanted);

/* 0 to `limit`. */
bool read_uint32(napi_env env, napi_value value, const char *name, uint32_t limit, uint32_t *number);
bool property_uint32(napi_env env, napi_value object, const char *name, uint32_t limit, uint32_t *number);
/* The same where the property may be absent or undefined. */
bool optional_uint32(napi_env env, napi_value object, const char *name, uint32_t limit, uint32_t fallback, uint32_t *number);
/* An id of the runtime: a whole number up to 2^53. */
bool property_id(napi_env env, napi_value object, const char *name, uint64_t *id);
bool optional_id(napi_env env, napi_value object, const char *name, uint64_t *id); /* absent: 0 */
bool optional_double(napi_env env, napi_value object, const char *name, double fallback, double *number);
bool property_boolean(napi_env env, napi_value object, const char *name, bool *flag);
bool optional_boolean(napi_env env, napi_value object, const char *name, bool fallback, bool *flag);
/* UTF-8 with a NUL; longer than `room` is an error. */
bool property_text(napi_env env, napi_value object, const char *name, char *text, size_t room);
/* Absent: "". */
bool optional_text(napi_env env, napi_value object, const char *name, char *text, size_t room);
/* A Uint8Array of exactly that many bytes; valid until JavaScript runs again. */
bool property_bytes(napi_env env, napi_value object, const char *name, size_t count, const uint8_t **bytes);
bool property_array(napi_env env, napi_value object, const char *name, uint32_t low, uint32_t high, napi_value *array, uint32_t *length);
/* Any value; undefined where it is absent. */
bool property_value(napi_env env, napi_value object, const char *name, napi_value *value);
/* `*there`: neither absent nor undefined. */
bool property_present(napi_env env, napi_value object, const char *name, bool *there);

bool set_number(napi_env env, napi_value object, const char *name, double number);
bool set_text(napi_env env, napi_value object, const char *name, const char *text);

#endif
