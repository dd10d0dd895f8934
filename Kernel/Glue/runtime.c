// SPDX-License-Identifier: MIT
/* What the Swift compiler's output asks of a C library. */
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>

int posix_memalign(void **memory, size_t alignment, size_t size);
void free(void *memory);
void arc4random_buf(void *bytes, size_t size);

/*
 * Objects and tables of the core, made when it starts or a report is read. Swift has no way to say that
 * one cannot be made, so the kernel may not say so either.
 */
int posix_memalign(void **memory, size_t alignment, size_t size)
{
	/* A lock checker is to hear of it where Swift allocates or frees with a spinlock held. */
	might_sleep();
	/* kmalloc aligns powers of two to themselves. */
	if (alignment > ARCH_KMALLOC_MINALIGN)
		size = max(roundup_pow_of_two(size), alignment);
	*memory = kvmalloc(size, GFP_KERNEL | __GFP_NOFAIL);
	return 0;
}

void free(void *memory)
{
	might_sleep();
	kvfree(memory);
}

void arc4random_buf(void *bytes, size_t size)
{
	get_random_bytes(bytes, size);
}
