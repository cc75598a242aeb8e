/* Reads JSON (RFC 8259): checks a whole text once, then finds members and elements in it.
 *
 * A value is the text that it was read from; nothing is copied but strings with their escapes undone.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Deepest nesting: what goes deeper is refused, and the stack stays small. */
#define DEPTH_MAX 64

typedef struct {
  const uint8_t *at, *end;
} cursor;

static bool value(cursor *in, int depth);

static void blank(cursor *in) {
  while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) in->at++;
}

static bool take(cursor *in, char byte) {
  if (in->at == in->end || *in->at != (uint8_t)byte) return false;
  in->at++;
  return true;
}

static bool word(cursor *in, const char *text) {
  size_t length = strlen(text);
  if ((size_t)(in->end - in->at) < length || memcmp(in->at, text, length) != 0) return false;
  in->at += length;
  return true;
}

static bool digits(cursor *in) {
  const uint8_t *begin = in->at;
  while (in->at < in->end && *in->at >= '0' && *in->at <= '9') in->at++;
  return in->at > begin;
}

static bool number(cursor *in) {
  take(in, '-');
  if (!take(in, '0') && !digits(in)) return false;
  if (take(in, '.') && !digits(in)) return false;
  if (take(in, 'e') || take(in, 'E')) {
    if (!take(in, '+')) take(in, '-');
    if (!digits(in)) return false;
  }
  return true;
}

/* The value of a hexadecimal digit; -1 of anything else. */
static int hex(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  byte |= 0x20;
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Four hexadecimal digits. */
static bool unit(cursor *in, uint32_t *code) {
  if (in->end - in->at < 4) return false;
  *code = 0;
  for (int place = 0; place < 4; place++) {
    int digit = hex(*in->at++);
    if (digit < 0) return false;
    *code = *code << 4 | (uint32_t)digit;
  }
  return true;
}

/* The character behind `\u`, which may be written as a pair of surrogates. */
static bool escaped(cursor *in, uint32_t *code) {
  if (!unit(in, code)) return false;
  if (*code < 0xd800 || *code > 0xdfff) return true;
  uint32_t low;
  if (*code > 0xdbff || !word(in, "\\u") || !unit(in, &low) || low < 0xdc00 || low > 0xdfff) return false;
  *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
  return true;
}

static char *put(char *to, uint32_t code) {
  if (code < 0x80) {
    *to++ = (char)code;
    return to;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  *to++ = (char)((0xff00 >> (more + 1) & 0xff) | code >> 6 * more);
  while (more-- > 0) *to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
  return to;
}

/* A string; its characters go to `to` unless that is NULL, and what is behind the last one is returned there. */
static bool string(cursor *in, char **to) {
  static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  if (!take(in, '"')) return false;
  while (in->at < in->end && *in->at != '"') {
    uint32_t code = *in->at++;
    if (code < 0x20) return false;
    if (code != '\\') {
      if (to != NULL) *(*to)++ = (char)code;
      continue;
    }
    if (in->at == in->end) return false;
    uint8_t kind = *in->at++;
    const char *simple = memchr(escapes, kind, sizeof escapes - 1);
    if (simple != NULL) {
      code = (uint8_t)meant[simple - escapes];
    } else if (kind != 'u' || !escaped(in, &code)) {
      return false;
    }
    if (to != NULL) *to = put(*to, code);
  }
  return take(in, '"');
}

static bool members(cursor *in, int depth) {
  do {
    blank(in);
    if (!string(in, NULL)) return false;
    blank(in);
    if (!take(in, ':') || !value(in, depth)) return false;
  } while (take(in, ','));
  return take(in, '}');
}

static bool elements(cursor *in, int depth) {
  do {
    if (!value(in, depth)) return false;
  } while (take(in, ','));
  return take(in, ']');
}

/* One value with the blanks around it. */
static bool value(cursor *in, int depth) {
  if (depth > DEPTH_MAX) return false;
  blank(in);
  if (in->at == in->end) return false;
  bool fine;
  if (take(in, '{')) {
    blank(in);
    fine = take(in, '}') || members(in, depth + 1);
  } else if (take(in, '[')) {
    blank(in);
    fine = take(in, ']') || elements(in, depth + 1);
  } else if (*in->at == '"') {
    fine = string(in, NULL);
  } else {
    fine = word(in, "true") || word(in, "false") || word(in, "null") || number(in);
  }
  blank(in);
  return fine;
}

/* The value that begins here in a text that has been checked; `in` goes behind it. */
static portolan_json found(cursor *in) {
  static const uint8_t first[] = "ntf\"[{";
  static const portolan_json_kind kinds[] = {PORTOLAN_JSON_NULL,   PORTOLAN_JSON_BOOLEAN, PORTOLAN_JSON_BOOLEAN,
                                             PORTOLAN_JSON_STRING, PORTOLAN_JSON_ARRAY,   PORTOLAN_JSON_OBJECT};
  blank(in);
  const uint8_t *begin = in->at, *end;
  value(in, 0);
  for (end = in->at; end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n' || end[-1] == '\r';) end--;
  const uint8_t *known = memchr(first, *begin, sizeof first - 1);
  portolan_json_kind kind = known != NULL ? kinds[known - first] : PORTOLAN_JSON_NUMBER;
  return (portolan_json){kind, {begin, (size_t)(end - begin)}};
}

static cursor inside(portolan_json json) {
  return (cursor){json.text.at + 1, json.text.at + json.text.length};
}

portolan_json portolan_json_read(portolan_bytes text) {
  cursor in = {text.at, text.at + text.length};
  if (text.at == NULL || !portolan_is_utf8(text) || !value(&in, 0) || in.at != in.end) return (portolan_json){0};
  in.at = text.at;
  return found(&in);
}

/* The next key, whose value `in` is then before; NULL at the end. */
static const char *next_key(cursor *in) {
  blank(in);
  if (!take(in, ',')) blank(in);
  blank(in);
  if (*in->at == '}') return NULL;
  portolan_json key = found(in);
  take(in, ':');
  return portolan_json_string(key);
}

portolan_json portolan_json_member(portolan_json object, const char *name) {
  portolan_json member = {0};
  if (object.kind != PORTOLAN_JSON_OBJECT) return member;
  cursor in = inside(object);
  for (const char *key; (key = next_key(&in)) != NULL;) {
    portolan_json next = found(&in);
    if (strcmp(key, name) == 0) member = next;
  }
  return member;
}

const char *portolan_json_stranger(portolan_json object, const char *const *known) {
  if (object.kind != PORTOLAN_JSON_OBJECT) return NULL;
  cursor in = inside(object);
  for (const char *key; (key = next_key(&in)) != NULL; found(&in)) {
    const char *const *name = known;
    while (*name != NULL && strcmp(*name, key) != 0) name++;
    if (*name == NULL) return key;
  }
  return NULL;
}

portolan_bytes portolan_json_octets(portolan_json json) {
  if (json.kind != PORTOLAN_JSON_STRING) return (portolan_bytes){0};
  cursor in = {json.text.at, json.text.at + json.text.length};
  /* An escape is never shorter than what it stands for, and the quotes leave room for a 0. */
  char *characters = malloc(json.text.length), *end = characters;
  string(&in, &end);
  *end = 0;
  return (portolan_bytes){(const uint8_t *)characters, (size_t)(end - characters)};
}

const char *portolan_json_string(portolan_json json) { return (const char *)portolan_json_octets(json).at; }

/* Exact for up to 15 digits, which is what people write; beyond that within a few units of the last place. */
double portolan_json_number(portolan_json json) {
  if (json.kind != PORTOLAN_JSON_NUMBER) return __builtin_nan("");
  cursor in = {json.text.at, json.text.at + json.text.length};
  bool minus = take(&in, '-');
  double sum = 0;
  int exponent = 0, written = 0;
  bool fraction = false;
  for (; in.at < in.end && (*in.at | 0x20) != 'e'; in.at++) {
    if (*in.at == '.') {
      fraction = true;
    } else {
      sum = sum * 10 + (*in.at - '0');
      exponent -= fraction;
    }
  }
  if (in.at < in.end) {
    in.at++;
    bool small = !take(&in, '+') && take(&in, '-');
    for (; in.at < in.end && written < 10000; in.at++) written = written * 10 + (*in.at - '0');
    exponent += small ? -written : written;
  }
  double scale = 1;
  for (int power = exponent < 0 ? -exponent : exponent; power > 0 && scale < __builtin_inf(); power--) scale *= 10;
  sum = exponent < 0 ? sum / scale : sum * scale;
  return minus ? -sum : sum;
}

bool portolan_json_is_true(portolan_json json) { return json.kind == PORTOLAN_JSON_BOOLEAN && *json.text.at == 't'; }

bool portolan_json_next(portolan_json array, size_t *place, portolan_json *element) {
  if (array.kind != PORTOLAN_JSON_ARRAY) return false;
  cursor in = inside(array);
  in.at += *place;
  blank(&in);
  take(&in, ',');
  blank(&in);
  if (*in.at == ']') return false;
  *element = found(&in);
  *place = (size_t)(in.at - array.text.at - 1);
  return true;
}

const char *portolan_json_written(portolan_json json) {
  return json.kind == PORTOLAN_JSON_NONE ? "nothing" : portolan_copy(json.text);
}
