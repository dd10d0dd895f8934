// SPDX-License-Identifier: MIT
/* use-heap NODE: takes buffers from a heap and writes them, again and again; each must be all zeroes. */
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 8 };

static const char *node;

static int fail(const char *what)
{
	printf("use-heap: %s: ", node);
	fflush(stdout);
	perror(what);
	return 1;
}

static int use(int heap, size_t size)
{
	struct dma_heap_allocation_data request = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	unsigned char *bytes;

	if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &request))
		return fail("allocation");
	if (lseek(request.fd, 0, SEEK_END) != (off_t)size)
		return fail("size");
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, request.fd, 0);
	if (bytes == MAP_FAILED)
		return fail("mapping");
	/* All is zero if the first byte is and each is like the one before. */
	if (bytes[0] || memcmp(bytes, bytes + 1, size - 1))
		return fail("not zero");
	memset(bytes, 0xA5, size);
	munmap(bytes, size);
	close(request.fd);
	return 0;
}

int main(int count, char **arguments)
{
	static const size_t sizes[] = { 4096, 65536 + 4096, 1 << 20, 3 << 20 };
	int heap;

	if (count != 2)
		return 2;
	node = arguments[1];
	heap = open(node, O_RDONLY | O_CLOEXEC);
	if (heap < 0)
		return fail("open");
	for (int round = 0; round < ROUNDS; round++)
		for (size_t index = 0; index < sizeof(sizes) / sizeof(*sizes); index++)
			if (use(heap, sizes[index]))
				return 1;
	printf("use-heap: %s: %zu buffers, all zero\n", node,
	       ROUNDS * sizeof(sizes) / sizeof(*sizes));
	return 0;
}
