/* Memory of a component, as src/memory.c has it: see there for how long a block lives. */
#ifndef PORTOLAN_STDLIB_H
#define PORTOLAN_STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
/* Does nothing: blocks of a call go together when it has been answered. */
void free(void *block);
/* Traps, which ends the instance; the router goes on without the policy's word. */
_Noreturn void abort(void);

#endif
