/* SPDX-License-Identifier: MIT */
/* What the programs that use real drivers share: failing, and buffers. */
#ifndef CHECKS_CLIENT_H
#define CHECKS_CLIENT_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static inline void require(int condition, const char *what, ...) {
  if (condition) return;
  int number = errno;
  va_list arguments;
  va_start(arguments, what);
  printf("FAILED %s: ", program_invocation_short_name);
  vprintf(what, arguments);
  printf(" (errno %d)\n", number);
  exit(1);
}

/* A buffer of the heap, for reading only or for both. */
static inline int allocate(const char *node, size_t byte_count, int flags) {
  int heap = open(node, O_RDONLY | O_CLOEXEC);
  require(heap >= 0, "open %s", node);
  struct dma_heap_allocation_data data = {.len = byte_count, .fd_flags = (unsigned)flags | O_CLOEXEC};
  require(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) == 0, "allocate %zu bytes of %s", byte_count, node);
  close(heap);
  return (int)data.fd;
}

static inline void *map(int buffer, size_t byte_count, int protection) {
  void *address = mmap(NULL, byte_count, protection, MAP_SHARED, buffer, 0);
  require(address != MAP_FAILED, "mmap");
  return address;
}

/* Where the first byte is that is not zero, or -1. */
static inline long first_dirty(const unsigned char *bytes, size_t byte_count) {
  for (size_t index = 0; index < byte_count; index++)
    if (bytes[index]) return (long)index;
  return -1;
}

static inline void begin_or_end(int buffer, unsigned long long flags) {
  struct dma_buf_sync sync = {.flags = flags};
  require(ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync) == 0, "sync");
}

#endif
