/* The functions of libc/string.h and libc/math.h. Pure. */
#include <math.h>
#include <stdint.h>
#include <string.h>

/* With -mbulk-memory these three are single instructions, not calls of themselves. */
void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  return __builtin_memcpy(to, from, length);
}

void *memmove(void *to, const void *from, size_t length) { return __builtin_memmove(to, from, length); }

void *memset(void *at, int byte, size_t length) { return __builtin_memset(at, byte, length); }

int memcmp(const void *one, const void *other, size_t length) {
  const unsigned char *a = one, *b = other;
  for (size_t at = 0; at < length; at++) {
    if (a[at] != b[at]) return a[at] < b[at] ? -1 : 1;
  }
  return 0;
}

void *memchr(const void *at, int byte, size_t length) {
  const unsigned char *bytes = at;
  for (size_t place = 0; place < length; place++) {
    if (bytes[place] == (unsigned char)byte) return (void *)(bytes + place);
  }
  return NULL;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

int strcmp(const char *one, const char *other) {
  while (*one != 0 && *one == *other) one++, other++;
  return (int)(unsigned char)*one - (int)(unsigned char)*other;
}

/* x is m times 2^e with m around 1, and log m is 2 artanh((m - 1) / (m + 1)), a series that ends soon. */
double log(double x) {
  if (x == 0) return -__builtin_inf();
  if (x < 0) return __builtin_nan("");
  if (x != x || x == __builtin_inf()) return x;
  int exponent = 0;
  if (x < 0x1p-1022) x *= 0x1p54, exponent = -54;
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  exponent += (int)(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffff) | 0x3ff0000000000000;
  double m;
  __builtin_memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) m /= 2, exponent++;
  double s = (m - 1) / (m + 1), square = s * s, sum = 0;
  /* s is at most 0.172: the term behind the last is below half of the last bit. */
  for (int odd = 23; odd >= 3; odd -= 2) sum = (sum + 1.0 / odd) * square;
  return exponent * 0.6931471805599453 + 2 * (s + s * sum);
}
