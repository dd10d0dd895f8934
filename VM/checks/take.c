// SPDX-License-Identifier: MIT
//
// A client of a heap in guests that have none in Swift: allocates buffers until there are no more, looks at every byte,
// writes all of them, frees them in another order, some rounds.
//
// usage: take NODE BYTES   prints how many buffers there were in the first round

#include "client.h"

enum { MOST = 1000, ROUNDS = 2 };

int main(int count, char **arguments) {
  require(count == 3, "usage: take NODE BYTES");
  size_t byte_count = strtoul(arguments[2], NULL, 0);
  int first = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int buffers[MOST];
    int heap = open(arguments[1], O_RDONLY | O_CLOEXEC);
    require(heap >= 0, "open %s", arguments[1]);
    int taken = 0;
    for (; taken < MOST; taken++) {
      struct dma_heap_allocation_data data = {.len = byte_count, .fd_flags = O_RDWR | O_CLOEXEC};
      if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) != 0) {
        require(errno == ENOMEM, "allocate %zu bytes", byte_count);
        break;
      }
      buffers[taken] = (int)data.fd;
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
