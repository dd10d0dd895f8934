// SPDX-License-Identifier: MIT
//
// A client of a heap in guests that have none in Swift.
//
// usage: take NODE BYTES        allocates buffers until there are no more, looks at every byte, writes all of them, frees
//                               them in another order, some rounds; prints how many there were in the first one
//        take NODE BYTES hold   writes one buffer, prints 'holding', and waits for a line; the buffer must be what it
//                               was then, and the heap gone

#include "client.h"

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

int main(int count, char **arguments) {
  require(count == 3 || count == 4, "usage: take NODE BYTES [hold]");
  size_t byte_count = strtoul(arguments[2], NULL, 0);
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
    require(taken == first, "%d buffers in round %d, %d before", taken, round, first);
    for (int index = 0; index < taken; index += 2) close(buffers[index]);
    for (int index = 1; index < taken; index += 2) close(buffers[index]);
  }
  printf("%d\n", first);
}
