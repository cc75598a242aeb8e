/* The part of the C library's <string.h> that a policy without a C library has. */
#ifndef PORTOLAN_STRING_H
#define PORTOLAN_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *at, int byte, size_t length);
int memcmp(const void *one, const void *other, size_t length);
void *memchr(const void *at, int byte, size_t length);
size_t strlen(const char *text);
int strcmp(const char *one, const char *other);

#endif
