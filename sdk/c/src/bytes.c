/* Bytes and texts: comparing, copying, joining. Pure but for the memory that copies take. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

portolan_bytes portolan_text(const char *text) {
  return (portolan_bytes){(const uint8_t *)text, strlen(text)};
}

bool portolan_equal(portolan_bytes one, portolan_bytes other) {
  return one.length == other.length && memcmp(one.at, other.at, one.length) == 0;
}

bool portolan_equals(portolan_bytes bytes, const char *text) {
  return bytes.at != NULL && portolan_equal(bytes, portolan_text(text));
}

/* RFC 3629: neither overlong forms nor surrogates. */
bool portolan_is_utf8(portolan_bytes bytes) {
  const uint8_t *at = bytes.at, *end = bytes.at + bytes.length;
  while (at < end) {
    uint8_t lead = *at++;
    if (lead < 0x80) continue;
    size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || (size_t)(end - at) < more) return false;
    uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (*at < least || *at > most) return false;
    for (size_t place = 1; place < more; place++) {
      if ((at[place] & 0xc0) != 0x80) return false;
    }
    at += more;
  }
  return true;
}

const char *portolan_copy(portolan_bytes bytes) {
  char *copy = malloc(bytes.length + 1);
  memcpy(copy, bytes.at, bytes.length);
  copy[bytes.length] = 0;
  return copy;
}

const char *portolan_words(const char *first, ...) {
  va_list parts;
  size_t length = 0;
  va_start(parts, first);
  for (const char *part = first; part != NULL; part = va_arg(parts, const char *)) length += strlen(part);
  va_end(parts);
  char *words = malloc(length + 1), *at = words;
  va_start(parts, first);
  for (const char *part = first; part != NULL; part = va_arg(parts, const char *)) {
    size_t some = strlen(part);
    memcpy(at, part, some);
    at += some;
  }
  va_end(parts);
  *at = 0;
  return words;
}
