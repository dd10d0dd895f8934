// SPDX-License-Identifier: MIT
//
// A client of a heap in guests that have none in Swift.
//
// usage: take NODE BYTES        allocates buffers until there are no more, looks at every byte, writes all of them, frees
//                               them in another order, some rounds; prints how many there were in the first one,
//                               which has to be as many as in the others, give or take one
//        take NODE BYTES time   allocates, writes and frees again and again; prints the median of the allocations in
//                               microseconds
//        take NODE BYTES hold   writes one buffer, prints 'holding', and waits for a line; the buffer must be what it
//                               was then, and the heap gone

#include "client.h"

#include <time.h>

enum { MOST = 1000, ROUNDS = 2 };

// The descriptor, or -1.
static int allocate_of(int heap, size_t byte_count) {
  struct dma_heap_allocation_data data = {.len = byte_count, .fd_flags = O_RDWR | O_CLOEXEC};
  return ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) == 0 ? (int)data.fd : -1;
}

static void hold(const char *node, size_t byte_count) {
  int heap = open(node, O_RDONLY | O_CLOEXEC);
  require(heap >= 0, "open %s", node);
  int buffer = allocate_of(heap, byte_count);
  require(buffer >= 0, "allocate %zu bytes", byte_count);
  unsigned char *bytes = map(buffer, byte_count, PROT_READ | PROT_WRITE);
  for (size_t index = 0; index < byte_count; index++) bytes[index] = (unsigned char)(index % 251);
  printf("holding\n");
  fflush(stdout);
  require(getchar() != EOF, "wait for a line");
  for (size_t index = 0; index < byte_count; index++)
    require(bytes[index] == index % 251, "byte %zu has changed", index);
  require(allocate_of(heap, byte_count) < 0 && errno == ENODEV, "allocate of a heap that is gone");
}

enum { CYCLES = 31 };

static int compare(const void *left, const void *right) {
  long long a = *(const long long *)left, b = *(const long long *)right;
  return (a > b) - (a < b);
}

static void time_cycles(const char *node, size_t byte_count) {
  int heap = open(node, O_RDONLY | O_CLOEXEC);
  require(heap >= 0, "open %s", node);
  long long times[CYCLES];
  for (int cycle = 0; cycle < CYCLES; cycle++) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int buffer = allocate_of(heap, byte_count);
    clock_gettime(CLOCK_MONOTONIC, &end);
    require(buffer >= 0, "allocate %zu bytes, cycle %d", byte_count, cycle);
    times[cycle] = (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
    unsigned char *bytes = map(buffer, byte_count, PROT_READ | PROT_WRITE);
    memset(bytes, 0xA7, byte_count);
    munmap(bytes, byte_count);
    close(buffer);
    // The worker has time for what it has to do.
    usleep(50000);
  }
  qsort(times, CYCLES, sizeof times[0], compare);
  printf("%.1f\n", (double)times[CYCLES / 2] / 1000);
}

int main(int count, char **arguments) {
  require(count == 3 || count == 4, "usage: take NODE BYTES [hold|time]");
  size_t byte_count = strtoul(arguments[2], NULL, 0);
  if (count == 4 && strcmp(arguments[3], "time") == 0) {
    time_cycles(arguments[1], byte_count);
    return 0;
  }
  if (count == 4) {
    hold(arguments[1], byte_count);
    return 0;
  }
  int first = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int buffers[MOST];
    int heap = open(arguments[1], O_RDONLY | O_CLOEXEC);
    require(heap >= 0, "open %s", arguments[1]);
    int taken = 0;
    for (; taken < MOST; taken++) {
      buffers[taken] = allocate_of(heap, byte_count);
      if (buffers[taken] < 0) {
        require(errno == ENOMEM, "allocate %zu bytes", byte_count);
        break;
      }
      size_t length = (size_t)lseek(buffers[taken], 0, SEEK_END);
      unsigned char *bytes = map(buffers[taken], length, PROT_READ | PROT_WRITE);
      long dirty = first_dirty(bytes, length);
      require(dirty < 0, "round %d, buffer %d: byte %ld is not zero", round, taken, dirty);
      memset(bytes, 0xA7, length);
      munmap(bytes, length);
    }
    close(heap);
    if (round == 0) first = taken;
    // What the kernel moves, or the worker gets ahead of demand, may be nobody's just then.
    require(abs(taken - first) <= 1, "%d buffers in round %d, %d before", taken, round, first);
    for (int index = 0; index < taken; index += 2) close(buffers[index]);
    for (int index = 1; index < taken; index += 2) close(buffers[index]);
  }
  printf("%d\n", first);
}
