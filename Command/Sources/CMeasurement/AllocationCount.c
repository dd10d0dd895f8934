// SPDX-License-Identifier: MIT
//
// Counts the allocation calls of each thread by standing in for the C library's entry points: the
// dynamic linker binds every library's calls to the executable's definitions first.
//
// Sanitizers bring their own entry points, and a fully static executable has the C library's in
// the same object as the functions forwarded to; build that one with
// -DMEASUREMENT_WITHOUT_ALLOCATION_COUNT. `free` is not counted and stays the C library's.

#define _GNU_SOURCE
#include "CMeasurement.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define MEASUREMENT_WITHOUT_ALLOCATION_COUNT 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASUREMENT_WITHOUT_ALLOCATION_COUNT 1
#endif
#if !defined(__GLIBC__) && !defined(MEASUREMENT_WITHOUT_ALLOCATION_COUNT)
#define MEASUREMENT_WITHOUT_ALLOCATION_COUNT 1
#endif

#if defined(MEASUREMENT_WITHOUT_ALLOCATION_COUNT)

bool measurement_counts_allocations(void) { return false; }
uint64_t measurement_allocation_count(void) { return 0; }

#else

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

// Initial-exec: reading it must not allocate.
static _Thread_local uint64_t allocation_count __attribute__((tls_model("initial-exec")));

bool measurement_counts_allocations(void) { return true; }
uint64_t measurement_allocation_count(void) { return allocation_count; }

#define EXPORTED __attribute__((visibility("default"), used))

EXPORTED void *malloc(size_t size) {
  allocation_count += 1;
  return __libc_malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size) {
  allocation_count += 1;
  return __libc_calloc(count, size);
}

EXPORTED void *realloc(void *memory, size_t size) {
  allocation_count += 1;
  return __libc_realloc(memory, size);
}

EXPORTED void *memalign(size_t alignment, size_t size) {
  allocation_count += 1;
  return __libc_memalign(alignment, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size) {
  allocation_count += 1;
  return __libc_memalign(alignment, size);
}

EXPORTED int posix_memalign(void **memory, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
    return EINVAL;
  allocation_count += 1;
  int saved = errno;
  void *result = __libc_memalign(alignment, size);
  errno = saved;
  if (result == NULL) return ENOMEM;
  *memory = result;
  return 0;
}

#endif
