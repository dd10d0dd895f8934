// SPDX-License-Identifier: MIT
/* Pages: getting, giving back, zeroing. */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

/* No killing of processes for a buffer: whoever asked gets ENOMEM, when all else was tried. */
#define FULL_EFFORT (GFP_HIGHUSER | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
/* What is free now: smaller blocks will do. */
#define LIGHT_EFFORT \
	((GFP_HIGHUSER | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN) & ~__GFP_DIRECT_RECLAIM)

/* Other work gets its turn after this many pages: 1 MiB. */
#define PAGES_BETWEEN_YIELDS 256

static_assert(offsetof(struct core_page, next) == offsetof(struct page, lru.next));
static_assert(offsetof(struct core_page, previous) == offsetof(struct page, lru.prev));
static_assert(offsetof(struct core_page, tag) == offsetof(struct page, private));

struct page *glue_allocate_block(unsigned int order, bool may_reclaim)
{
	return alloc_pages((may_reclaim ? FULL_EFFORT : LIGHT_EFFORT) | __GFP_COMP, order);
}

void glue_free_block(struct page *block, unsigned int order)
{
	set_page_private(block, 0);
	__free_pages(block, order);
}

struct page *glue_allocate_run(unsigned long pages)
{
	unsigned int order = get_order(pages << PAGE_SHIFT);
	struct page *block = alloc_pages(FULL_EFFORT, order);

	if (!block)
		return NULL;
	/* Single pages from here on, so that the end can go back at once and the rest later. */
	split_page(block, order);
	for (unsigned long index = pages; index < 1ul << order; index++)
		__free_page(block + index);
	return block;
}

void glue_free_run(struct page *block, unsigned long pages)
{
	set_page_private(block, 0);
	for (unsigned long index = 0; index < pages; index++)
		__free_page(block + index);
}

unsigned int glue_page_shift(void)
{
	return PAGE_SHIFT;
}

unsigned long glue_largest_run(void)
{
	return MAX_ORDER_NR_PAGES;
}

void glue_zero(struct page *block, unsigned long pages)
{
	for (unsigned long index = 0; index < pages; index++) {
		clear_highpage(block + index);
		if (index % PAGES_BETWEEN_YIELDS == PAGES_BETWEEN_YIELDS - 1)
			cond_resched();
	}
}
