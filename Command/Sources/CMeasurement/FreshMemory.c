// SPDX-License-Identifier: MIT
//
// The fastest a program can do with plain system calls. Kept in C so that nothing but the calls
// themselves is measured.

#define _GNU_SOURCE
#include "CMeasurement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { PAGE = 4096, HUGE = 2 << 20 };

int measurement_empty_descriptor(size_t byte_count, int *descriptor) {
  int made = memfd_create("fresh", MFD_CLOEXEC);
  if (made < 0) return errno;
  if (ftruncate(made, (off_t)byte_count) != 0) {
    int error = errno;
    close(made);
    return error;
  }
  *descriptor = made;
  return 0;
}

// Maps a file at a boundary of 2 MiB, where a huge page fits.
static void *map_aligned(int descriptor, size_t byte_count) {
  size_t pages = (byte_count + PAGE - 1) / PAGE * PAGE;
  char *room = mmap(NULL, pages + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return MAP_FAILED;
  char *aligned = (char *)(((uintptr_t)room + HUGE - 1) / HUGE * HUGE);
  void *address =
      mmap(aligned, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);
  int error = errno;
  if (address == MAP_FAILED) aligned = room;
  if (aligned > room) munmap(room, (size_t)(aligned - room));
  char *end = address == MAP_FAILED ? aligned : aligned + pages;
  munmap(end, (size_t)(room + pages + HUGE - end));
  errno = error;
  return address;
}

// Of a range that has a page, the kernel makes one huge page, whatever shmem_enabled says; the rest of it is
// zero. What is left at the end gets ordinary pages.
static int collapse(char *address, size_t byte_count) {
  size_t whole = byte_count / HUGE * HUGE;
  if (whole == 0) return EINVAL;
  for (size_t index = 0; index < whole; index += HUGE) ((volatile char *)address)[index] = 0;
  if (madvise(address, whole, MADV_COLLAPSE) != 0) return errno;
  if (byte_count > whole &&
      madvise(address + whole, byte_count - whole, MADV_POPULATE_WRITE) != 0)
    return errno;
  return 0;
}

static int populate(enum measurement_population population, void *address, size_t byte_count) {
  switch (population) {
  case measurement_population_huge_populate_write:
    if (madvise(address, byte_count, MADV_HUGEPAGE) != 0) return errno;
    if (madvise(address, byte_count, MADV_POPULATE_WRITE) != 0) return errno;
    return 0;
  case measurement_population_populate_write:
    if (madvise(address, byte_count, MADV_POPULATE_WRITE) != 0) return errno;
    return 0;
  case measurement_population_huge_on_demand:
    if (madvise(address, byte_count, MADV_HUGEPAGE) != 0) return errno;
    return 0;
  case measurement_population_collapse:
    return collapse(address, byte_count);
  case measurement_population_fallocate:
  case measurement_population_map_populate:
  case measurement_population_fallocate_map_populate:
  case measurement_population_on_demand:
    return 0;
  }
  return EINVAL;
}

static void *map(enum measurement_population population, int descriptor, size_t byte_count) {
  switch (population) {
  case measurement_population_huge_populate_write:
  case measurement_population_huge_on_demand:
  case measurement_population_collapse:
    return map_aligned(descriptor, byte_count);
  case measurement_population_map_populate:
  case measurement_population_fallocate_map_populate:
    return mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0);
  case measurement_population_fallocate:
  case measurement_population_populate_write:
  case measurement_population_on_demand:
    break;
  }
  return mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
}

// Makes a memfd whose memory is allocated as far as that needs no mapping.
static int make_file(enum measurement_population population, size_t byte_count, int *descriptor) {
  int error = measurement_empty_descriptor(byte_count, descriptor);
  bool allocates = population == measurement_population_fallocate ||
                   population == measurement_population_fallocate_map_populate;
  if (error != 0 || !allocates) return error;
  error = posix_fallocate(*descriptor, 0, (off_t)byte_count);
  if (error != 0) close(*descriptor);
  return error;
}

int measurement_fresh_buffer(enum measurement_population population, size_t byte_count,
                             struct measurement_memory *memory) {
  int descriptor = -1;
  int error = make_file(population, byte_count, &descriptor);
  if (error != 0) return error;
  void *address = map(population, descriptor, byte_count);
  if (address == MAP_FAILED) {
    error = errno;
    close(descriptor);
    return error;
  }
  memory->descriptor = descriptor;
  memory->address = (uintptr_t)address;
  memory->byte_count = byte_count;
  error = populate(population, address, byte_count);
  if (error != 0) measurement_release(*memory);
  return error;
}

int measurement_fresh_descriptor(enum measurement_population population, size_t byte_count,
                                 int *descriptor) {
  if (population == measurement_population_fallocate ||
      population == measurement_population_on_demand)
    return make_file(population, byte_count, descriptor);
  struct measurement_memory memory;
  int error = measurement_fresh_buffer(population, byte_count, &memory);
  if (error != 0) return error;
  munmap((void *)memory.address, byte_count);
  *descriptor = memory.descriptor;
  return 0;
}

void measurement_release(struct measurement_memory memory) {
  if (memory.address != 0) munmap((void *)memory.address, memory.byte_count);
  close(memory.descriptor);
}

void measurement_write(uintptr_t address, size_t byte_count) {
  memset((void *)address, 0xa5, byte_count);
  // Nobody reads what was written; it must be written all the same.
  __asm__ volatile("" : : "r"(address) : "memory");
  // And to its end within its own time: the next atomic operation would wait for what is left in the
  // store buffer, and so would be charged for it.
  __sync_synchronize();
}

int measurement_map_and_write(int descriptor, size_t byte_count, bool populate) {
  void *address = mmap(NULL, byte_count, PROT_READ | PROT_WRITE,
                       MAP_SHARED | (populate ? MAP_POPULATE : 0), descriptor, 0);
  if (address == MAP_FAILED) return errno;
  measurement_write((uintptr_t)address, byte_count);
  munmap(address, byte_count);
  return 0;
}

int measurement_map_and_touch(int descriptor, size_t byte_count) {
  volatile unsigned char *bytes =
      mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (bytes == MAP_FAILED) return errno;
  for (size_t index = 0; index < byte_count; index += PAGE) bytes[index] = 0xa5;
  munmap((void *)bytes, byte_count);
  return 0;
}

int measurement_receive(int descriptor, size_t byte_count, uint64_t *first_write, uint64_t *unmap) {
  uint64_t start = measurement_now();
  volatile unsigned char *bytes =
      mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (bytes == MAP_FAILED) return errno;
  for (size_t index = 0; index < byte_count; index += PAGE) bytes[index] = 0xa5;
  uint64_t written = measurement_now();
  munmap((void *)bytes, byte_count);
  *unmap = measurement_now() - written;
  *first_write = written - start;
  return 0;
}

size_t measurement_first_nonzero(const void *bytes, size_t byte_count) {
  const unsigned char *start = bytes;
  size_t index = 0;
  // A buffer is zero when its first byte is and each byte equals the one before it; memcmp does
  // that at the speed of memory, in pieces small enough to find the place afterwards.
  while (index < byte_count) {
    size_t piece = byte_count - index < 65536 ? byte_count - index : 65536;
    if (start[index] != 0 || memcmp(start + index, start + index + 1, piece - 1) != 0) {
      while (start[index] == 0) index += 1;
      return index;
    }
    index += piece;
  }
  return byte_count;
}

int measurement_first_nonzero_of_descriptor(int descriptor, size_t byte_count, size_t *index) {
  void *address = mmap(NULL, byte_count, PROT_READ, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) return errno;
  *index = measurement_first_nonzero(address, byte_count);
  munmap(address, byte_count);
  return 0;
}

int measurement_reopen(int descriptor, size_t byte_count, uint64_t *nanoseconds) {
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  uint64_t start = measurement_now();
  int reopened = open(path, O_RDWR | O_CLOEXEC);
  *nanoseconds = measurement_now() - start;
  if (reopened < 0) return errno;
  int error = byte_count > 0 ? measurement_map_and_write(reopened, byte_count, true) : 0;
  close(reopened);
  return error;
}

uint64_t measurement_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}
