#include "addon/property.h"

#include <math.h>
#include <stdio.h>

#define MAX_ID 9007199254740991.0

napi_value throw_error(napi_env env, const char *code, const char *message) {
  napi_throw_error(env, code, message);
  return NULL;
}

static bool refuse(napi_env env, const char *name, const char *reason) {
  char message[128];
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) return false;
  snprintf(message, sizeof message, "%s %s", name, reason);
  napi_throw_error(env, "MEDIA_WORKER_FAULT", message);
  return false;
}

bool read_arguments(napi_env env, napi_callback_info info, napi_value *arguments, size_t wanted) {
  size_t count = wanted;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok && count == wanted) return true;
  return refuse(env, "a call", "has the wrong number of arguments");
}

bool property_value(napi_env env, napi_value object, const char *name, napi_value *value) {
  return napi_get_named_property(env, object, name, value) == napi_ok || refuse(env, name, "cannot be read");
}

static bool is_present(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  return napi_typeof(env, value, &type) == napi_ok && type != napi_undefined;
}

bool property_present(napi_env env, napi_value object, const char *name, bool *there) {
  napi_value value;
  if (!property_value(env, object, name, &value)) return false;
  *there = is_present(env, value);
  return true;
}

bool read_uint32(napi_env env, napi_value value, const char *name, uint32_t limit, uint32_t *number) {
  double given = 0;
  if (napi_get_value_double(env, value, &given) != napi_ok) return refuse(env, name, "is no number");
  if (!(given >= 0 && given <= limit) || given != floor(given)) return refuse(env, name, "is out of range");
  *number = (uint32_t)given;
  return true;
}

bool property_uint32(napi_env env, napi_value object, const char *name, uint32_t limit, uint32_t *number) {
  napi_value value;
  return property_value(env, object, name, &value) && read_uint32(env, value, name, limit, number);
}

bool optional_uint32(napi_env env, napi_value object, const char *name, uint32_t limit, uint32_t fallback, uint32_t *number) {
  napi_value value;
  if (!property_value(env, object, name, &value)) return false;
  *number = fallback;
  return !is_present(env, value) || read_uint32(env, value, name, limit, number);
}

static bool read_id(napi_env env, napi_value value, const char *name, uint64_t *id) {
  double given = 0;
  if (napi_get_value_double(env, value, &given) != napi_ok) return refuse(env, name, "is no number");
  if (!(given >= 0 && given <= MAX_ID) || given != floor(given)) return refuse(env, name, "is no id");
  *id = (uint64_t)given;
  return true;
}

bool property_id(napi_env env, napi_value object, const char *name, uint64_t *id) {
  napi_value value;
  return property_value(env, object, name, &value) && read_id(env, value, name, id);
}

bool optional_id(napi_env env, napi_value object, const char *name, uint64_t *id) {
  napi_value value;
  if (!property_value(env, object, name, &value)) return false;
  *id = 0;
  return !is_present(env, value) || read_id(env, value, name, id);
}

bool optional_double(napi_env env, napi_value object, const char *name, double fallback, double *number) {
  napi_value value;
  if (!property_value(env, object, name, &value)) return false;
  *number = fallback;
  if (!is_present(env, value)) return true;
  return (napi_get_value_double(env, value, number) == napi_ok && isfinite(*number)) || refuse(env, name, "is no number");
}

bool property_boolean(napi_env env, napi_value object, const char *name, bool *flag) {
  napi_value value;
  if (!property_value(env, object, name, &value)) return false;
  return napi_get_value_bool(env, value, flag) == napi_ok || refuse(env, name, "is no boolean");
}

bool optional_boolean(napi_env env, napi_value object, const char *name, bool fallback, bool *flag) {
  napi_value value;
  if (!property_value(env, object, name, &value)) return false;
  *flag = fallback;
  if (!is_present(env, value)) return true;
  return napi_get_value_bool(env, value, flag) == napi_ok || refuse(env, name, "is no boolean");
}

static bool read_text(napi_env env, napi_value value, const char *name, char *text, size_t room) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return refuse(env, name, "is no string");
  if (length >= room) return refuse(env, name, "is too long");
  return napi_get_value_string_utf8(env, value, text, room, &length) == napi_ok || refuse(env, name, "cannot be read");
}

bool property_text(napi_env env, napi_value object, const char *name, char *text, size_t room) {
  napi_value value;
  return property_value(env, object, name, &value) && read_text(env, value, name, text, room);
}

bool optional_text(napi_env env, napi_value object, const char *name, char *text, size_t room) {
  napi_value value;
  if (!property_value(env, object, name, &value)) return false;
  text[0] = 0;
  return !is_present(env, value) || read_text(env, value, name, text, room);
}

bool property_bytes(napi_env env, napi_value object, const char *name, size_t count, const uint8_t **bytes) {
  napi_value value;
  napi_typedarray_type type;
  size_t length = 0;
  void *data = NULL;
  if (!property_value(env, object, name, &value)) return false;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) {
    return refuse(env, name, "is no Uint8Array");
  }
  *bytes = data;
  return length == count || refuse(env, name, "has a wrong length");
}

bool property_array(napi_env env, napi_value object, const char *name, uint32_t low, uint32_t high, napi_value *array, uint32_t *length) {
  if (!property_value(env, object, name, array)) return false;
  if (napi_get_array_length(env, *array, length) != napi_ok) return refuse(env, name, "is no array");
  return (*length >= low && *length <= high) || refuse(env, name, "has a wrong number of elements");
}

bool set_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  return napi_create_double(env, number, &value) == napi_ok && napi_set_named_property(env, object, name, value) == napi_ok;
}

bool set_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok &&
         napi_set_named_property(env, object, name, value) == napi_ok;
}
