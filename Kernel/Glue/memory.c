// SPDX-License-Identifier: MIT
/* Pages: getting, giving back, zeroing. */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "internal.h"

/*
 * Whatever the effort: no process is killed for a buffer, nobody's log is filled, and the reserves are left to
 * those who free memory, even when one of them asks.
 */
#define ANY_EFFORT ((GFP_HIGHUSER | __GFP_NOWARN | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM)

static gfp_t flags_of(enum core_effort effort)
{
	switch (effort) {
	case CORE_EFFORT_NONE:
		return ANY_EFFORT;
	case CORE_EFFORT_BACKGROUND:
		return ANY_EFFORT | __GFP_KSWAPD_RECLAIM;
	case CORE_EFFORT_DIRECT:
		return ANY_EFFORT | __GFP_RECLAIM | __GFP_NORETRY;
	case CORE_EFFORT_FULL:
		break;
	}
	return ANY_EFFORT | __GFP_RECLAIM | __GFP_RETRY_MAYFAIL;
}

/* Other work gets its turn after this many pages: 1 MiB. */
#define PAGES_BETWEEN_YIELDS 256

static_assert(offsetof(struct core_page, next) == offsetof(struct page, lru.next));
static_assert(offsetof(struct core_page, previous) == offsetof(struct page, lru.prev));
static_assert(offsetof(struct core_page, tag) == offsetof(struct page, private));

/* Zeroes pages of which none is known to be faulty. */
void memory_zero_new(struct page *block, unsigned long pages)
{
	/* The kernel may have done it for everybody. */
	if (want_init_on_alloc(0))
		return;
	for (unsigned long index = 0; index < pages; index++) {
		clear_highpage(block + index);
		if (index % PAGES_BETWEEN_YIELDS == PAGES_BETWEEN_YIELDS - 1)
			cond_resched();
	}
}

unsigned int glue_node_count(void)
{
	return num_possible_nodes() > 1 ? nr_node_ids : 1;
}

unsigned int glue_current_node(void)
{
	return numa_mem_id();
}

static struct page *get_pages(gfp_t flags, unsigned int order, int node)
{
	if (node == CORE_ANY_NODE)
		return alloc_pages(flags, order);
	/* A number may stand for a node that is not there, or that has no memory now. */
	if (!node_state(node, N_MEMORY))
		return NULL;
	return alloc_pages_node(node, flags | __GFP_THISNODE, order);
}

struct page *glue_allocate_block(unsigned int order, enum core_effort effort, int node)
{
	gfp_t flags = flags_of(effort) | __GFP_COMP;
	struct page *block;

	/* The page allocator zeroes in one go. */
	if (1ul << order <= PAGES_BETWEEN_YIELDS)
		return get_pages(flags | __GFP_ZERO, order, node);
	block = get_pages(flags, order, node);
	if (block)
		memory_zero_new(block, 1ul << order);
	return block;
}

static bool has_faulty_page(struct page *block, unsigned long pages)
{
	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		return false;
	for (unsigned long index = 0; index < pages; index++)
		if (PageHWPoison(block + index))
			return true;
	return false;
}

/*
 * The kernel keeps a faulty page back when it is freed alone; as a part of a block it would go to the next who
 * asks. A compound page cannot be taken apart, so all of it stays where nobody gets it.
 */
void glue_free_block(struct page *block, unsigned int order)
{
	set_page_private(block, 0);
	if (order && has_faulty_page(block, 1ul << order)) {
		pr_warn_ratelimited(MODULE_NAME ": %lu pages with a faulty one among them are not used again\n",
				    1ul << order);
		return;
	}
	__free_pages(block, order);
}

struct page *glue_allocate_run(unsigned long pages, enum core_effort effort, int node)
{
	unsigned int order = get_order(pages << PAGE_SHIFT);
	struct page *block = get_pages(flags_of(effort), order, node);

	if (!block)
		return NULL;
	/* Single pages from here on, so that the end can go back at once, as it is, and the rest later. */
	split_page(block, order);
	for (unsigned long index = pages; index < 1ul << order; index++)
		__free_page(block + index);
	memory_zero_new(block, pages);
	return block;
}

/* Single pages: the kernel keeps the faulty ones back by itself. */
void glue_free_run(struct page *block, unsigned long pages)
{
	set_page_private(block, 0);
	for (unsigned long index = 0; index < pages; index++) {
		__free_page(block + index);
		if (index % PAGES_BETWEEN_YIELDS == PAGES_BETWEEN_YIELDS - 1)
			cond_resched();
	}
}

const unsigned int glue_page_shift = PAGE_SHIFT;

unsigned long glue_largest_run(void)
{
	return MAX_ORDER_NR_PAGES;
}

bool glue_zero(struct page *block, unsigned long pages)
{
	for (unsigned long index = 0; index < pages; index++) {
		/* To touch it could take the machine down. */
		if (PageHWPoison(block + index))
			return false;
		clear_highpage(block + index);
		if (index % PAGES_BETWEEN_YIELDS == PAGES_BETWEEN_YIELDS - 1)
			cond_resched();
	}
	/* Many small blocks are as long as few large ones. */
	cond_resched();
	return true;
}
