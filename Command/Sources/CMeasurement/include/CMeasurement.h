// SPDX-License-Identifier: MIT
//
// What the benchmark needs below Swift: a clock without overhead, counters of allocations and
// system calls of one thread, and the plain system calls a program would make without heaps.

#ifndef CMEASUREMENT_H
#define CMEASUREMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/// CLOCK_MONOTONIC in nanoseconds.
static inline uint64_t measurement_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Allocation calls (AllocationCount.c)

/// Whether this build counts allocation calls at all.
bool measurement_counts_allocations(void);

/// Calls of malloc, calloc, realloc, posix_memalign, aligned_alloc and memalign by this thread.
uint64_t measurement_allocation_count(void);

// System calls (SystemCallTrap.c)

/// Makes system calls of this thread trappable. Returns 0, or the errno of the refusal; ENOSYS
/// where the processor or the build is not supported.
int measurement_trap_begin(void);

/// Ends what measurement_trap_begin began.
void measurement_trap_end(void);

/// Traps the next system call of this thread, once.
void measurement_trap_arm(void);

/// Lets system calls pass again.
void measurement_trap_disarm(void);

/// Armed stretches of this thread that were ended by a system call.
uint64_t measurement_trap_count(void);

/// A system call that changes nothing, for checking the trap.
void measurement_make_system_call(void);

// Memory without heaps (FreshMemory.c)

/// How a program can bring memory behind a fresh memfd.
enum measurement_population {
  measurement_population_fallocate,
  measurement_population_map_populate,
  measurement_population_fallocate_map_populate,
  measurement_population_populate_write,
  measurement_population_huge_populate_write,
  /// Not before the first write: only fair where every byte is written.
  measurement_population_on_demand,
  measurement_population_huge_on_demand,
  /// One page in every 2 MiB, then MADV_COLLAPSE (Linux 6.1); EINVAL below 2 MiB.
  measurement_population_collapse,
};

/// A memfd and, unless null, its mapping.
struct measurement_memory {
  int descriptor;
  uintptr_t address;
  size_t byte_count;
};

/// Makes a mapped memfd. Returns 0 or errno; on failure nothing is left behind.
int measurement_fresh_buffer(enum measurement_population population, size_t byte_count,
                             struct measurement_memory *memory);

/// Makes a memfd without a mapping; one that the population needs is gone again. Returns 0 or errno.
int measurement_fresh_descriptor(enum measurement_population population, size_t byte_count,
                                 int *descriptor);

/// Makes a memfd that has a size and no memory. Returns 0 or errno.
int measurement_empty_descriptor(size_t byte_count, int *descriptor);

/// Unmaps and closes.
void measurement_release(struct measurement_memory memory);

/// Writes every byte of a mapping with a value that is not zero.
void measurement_write(uintptr_t address, size_t byte_count);

/// Maps a descriptor shared, writes every byte, unmaps. Returns 0 or errno.
int measurement_map_and_write(int descriptor, size_t byte_count, bool populate);

/// Maps a descriptor shared, writes a byte of every page, unmaps. Returns 0 or errno.
int measurement_map_and_touch(int descriptor, size_t byte_count);

/// What a receiver does: maps a descriptor anywhere, writes a byte of every page, unmaps. Returns 0 or
/// errno, and the nanoseconds from the call of mmap to the last write, and of munmap.
int measurement_receive(int descriptor, size_t byte_count, uint64_t *first_write, uint64_t *unmap);

/// Index of the first byte that is not zero, or byte_count.
size_t measurement_first_nonzero(const void *bytes, size_t byte_count);

/// Maps a descriptor for reading and looks for the first byte that is not zero. Returns 0 or errno.
int measurement_first_nonzero_of_descriptor(int descriptor, size_t byte_count, size_t *index);

/// Opens the file behind `descriptor` a second time, maps and writes `byte_count` bytes of it through the
/// new descriptor if that is not 0, and closes it. Returns 0 or errno, and how long the open alone took.
int measurement_reopen(int descriptor, size_t byte_count, uint64_t *nanoseconds);

// Limits

/// Raises the soft limit of open descriptors to the hard limit and returns it.
uint64_t measurement_raise_descriptor_limit(void);

#endif
