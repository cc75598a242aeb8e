/* Memory of a component: one block after the other, all given back at once.
 *
 * Owns malloc and its relatives. What is taken during a call lives until the call has been answered; what is taken while
 * the policy is made (policy_init) lives as long as the instance. So nothing is ever freed by hand and nothing leaks.
 */
#include <portolan.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Alignment of every block, and the room before each for its size. */
#define ALIGNMENT 8
#define PAGE 65536u

extern unsigned char __heap_base;

/* Where memory that is given back begins, where the next block begins, and where memory ends. 0 before the first block. */
static uintptr_t kept, next, end;
/* The call has been answered: the next block is the first one of the next call. */
static bool answered;

void portolan_memory_keep(void) { kept = next; }

void portolan_memory_answered(void) { answered = true; }

void *malloc(size_t size) {
  if (next == 0) {
    kept = next = ((uintptr_t)&__heap_base + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
    end = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE;
  }
  if (answered) {
    next = kept;
    answered = false;
  }
  /* Sums in 64 bits: none of them can overflow. */
  uint64_t block = (uint64_t)next + ALIGNMENT;
  uint64_t after = (block + size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
  if (after > end) {
    uint64_t pages = (after - end + PAGE - 1) / PAGE;
    if (after > UINT32_MAX || __builtin_wasm_memory_grow(0, (size_t)pages) == SIZE_MAX) abort();
    end += (uintptr_t)pages * PAGE;
  }
  *(size_t *)next = size;
  next = (uintptr_t)after;
  return (void *)(uintptr_t)block;
}

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) abort();
  return memset(malloc(bytes), 0, bytes);
}

void *realloc(void *block, size_t size) {
  if (block == NULL) return malloc(size);
  size_t old = *(size_t *)((uintptr_t)block - ALIGNMENT);
  if (size <= old) return block;
  return memcpy(malloc(size), block, old);
}

void free(void *block) { (void)block; }

_Noreturn void abort(void) { __builtin_trap(); }
