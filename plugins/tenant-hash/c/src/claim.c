/* A claim of a JSON Web Token (RFC 7519), for placement only: nothing is verified here, the application does that. */
#include <stdlib.h>
#include <string.h>

#include "tenant_hash.h"

static const portolan_bytes absent = {NULL, 0};

static portolan_bytes trimmed(portolan_bytes text) {
  while (text.length > 0 && (*text.at == ' ' || *text.at == '\t')) text.at++, text.length--;
  while (text.length > 0 && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t')) text.length--;
  return text;
}

/* What is behind the first of these bytes; absent where there is none. */
static portolan_bytes behind(portolan_bytes text, char byte) {
  const uint8_t *at = memchr(text.at, byte, text.length);
  return at == NULL ? absent : (portolan_bytes){at + 1, (size_t)(text.at + text.length - at - 1)};
}

static int six(uint8_t byte) {
  if (byte >= 'A' && byte <= 'Z') return byte - 'A';
  if (byte >= 'a' && byte <= 'z') return byte - 'a' + 26;
  if (byte >= '0' && byte <= '9') return byte - '0' + 52;
  return byte == '-' ? 62 : byte == '_' ? 63 : -1;
}

/* RFC 4648, section 5, without padding as RFC 7515 has it. */
static portolan_bytes base64url(portolan_bytes text) {
  /* A single letter left over holds no byte. */
  if (text.length % 4 == 1) return absent;
  uint8_t *octets = malloc(text.length);
  uint32_t bits = 0;
  size_t length = 0;
  int held = 0;
  for (size_t place = 0; place < text.length; place++) {
    int value = six(text.at[place]);
    if (value < 0) return absent;
    bits = bits << 6 | (uint32_t)value;
    held += 6;
    if (held >= 8) octets[length++] = (uint8_t)(bits >> (held -= 8));
  }
  return (portolan_bytes){octets, length};
}

/* Whether a number is written as an integer of 64 bits. */
static bool is_integer(portolan_bytes number) {
  bool minus = *number.at == '-';
  uint64_t value = 0, most = minus ? (uint64_t)1 << 63 : UINT64_MAX;
  for (size_t place = minus; place < number.length; place++) {
    uint8_t digit = number.at[place] - '0';
    if (digit > 9 || value > (most - digit) / 10) return false;
    value = value * 10 + digit;
  }
  return !(minus && value == 0);
}

portolan_bytes claim_of(portolan_bytes authorization, const char *claim) {
  static const char bearer[] = "bearer";
  if (!portolan_is_utf8(authorization)) return absent;
  portolan_bytes text = trimmed(authorization), token = behind(text, ' ');
  size_t scheme = token.at == NULL ? 0 : (size_t)(token.at - text.at - 1);
  if (scheme != sizeof bearer - 1) return absent;
  for (size_t place = 0; place < scheme; place++) {
    if ((text.at[place] | 0x20) != bearer[place]) return absent;
  }
  portolan_bytes payload = behind(trimmed(token), '.');
  if (payload.at == NULL) return absent;
  const uint8_t *dot = memchr(payload.at, '.', payload.length);
  if (dot != NULL) payload.length = (size_t)(dot - payload.at);
  portolan_json value = portolan_json_member(portolan_json_read(base64url(payload)), claim);
  switch (value.kind) {
    case PORTOLAN_JSON_STRING: {
      portolan_bytes characters = portolan_json_octets(value);
      return characters.length > 0 ? characters : absent;
    }
    case PORTOLAN_JSON_NUMBER: return is_integer(value.text) ? value.text : absent;
    case PORTOLAN_JSON_BOOLEAN: return value.text;
    default: return absent;
  }
}
