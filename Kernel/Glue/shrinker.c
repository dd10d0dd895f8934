// SPDX-License-Identifier: MIT
/*
 * The core's shrinkers, as the kernel knows shrinkers (P5, D4). Here, and nowhere else, 0 pages become what the
 * kernel calls empty, and what it takes for a reason to stop.
 *
 * How much the kernel asks for in one pass depends on the seeks, which stand for the price of having an object
 * again (mm/vmscan.c, do_shrink_slab). With N seeks it is 4/N of what it takes of the page cache at that moment.
 * With 0 it is half of all there is, from the slightest pressure on: meant for what nobody will miss.
 *
 * Buffers that wait to be zeroed are such: they are of no use yet, and work that nobody has done is saved. So they
 * go first. Pooled pages can be had again without any I/O, so they go sooner than cached files, at 1 seek: twice
 * the kernel's default. At 0 they would be gone after a few passes of kswapd, which runs all the time on a
 * machine that reads files once, and the pools would be of use on idle machines only.
 */
#include "compat.h"
#include "heap_events.h"
#include "internal.h"

static const char *const names[CORE_SHRINKER_COUNT] = {
	[CORE_SHRINKER_POOLS] = "dma-heap-pools",
	[CORE_SHRINKER_DEFERRED] = "dma-heap-deferred",
};

/* Pages that the kernel asks for at a time, after each of which others get their turn: 1 MiB. */
#define BATCH_PAGES 256

unsigned long shrinker_count(enum core_shrinker which, int node)
{
	unsigned long pages = core_shrinker_count(which, node);

	return which == CORE_SHRINKER_DEFERRED ? pages + deferred_count() : pages;
}

unsigned long shrinker_scan(enum core_shrinker which, int node, unsigned long pages)
{
	unsigned long freed = core_shrinker_scan(which, node, pages);

	if (which == CORE_SHRINKER_DEFERRED && freed < pages)
		freed += deferred_scan(pages - freed);
	trace_pools_shrink(which, pages, freed);
	return freed;
}

static unsigned long count(enum core_shrinker which, int node)
{
	return shrinker_count(which, node) ?: SHRINK_EMPTY;
}

static unsigned long scan(enum core_shrinker which, int node, struct shrink_control *control)
{
	unsigned long freed = shrinker_scan(which, node, control->nr_to_scan);

	/* A block is freed as a whole, so it may be more than was asked for; the kernel's next wish is less then. */
	control->nr_scanned = freed;
	return freed ?: SHRINK_STOP;
}

static unsigned long swift_heap_count_pools(struct shrinker *shrinker, struct shrink_control *control)
{
	return count(CORE_SHRINKER_POOLS, control->nid);
}

static unsigned long swift_heap_scan_pools(struct shrinker *shrinker, struct shrink_control *control)
{
	return scan(CORE_SHRINKER_POOLS, control->nid, control);
}

static unsigned long swift_heap_count_deferred(struct shrinker *shrinker, struct shrink_control *control)
{
	return count(CORE_SHRINKER_DEFERRED, CORE_ANY_NODE);
}

static unsigned long swift_heap_scan_deferred(struct shrinker *shrinker, struct shrink_control *control)
{
	return scan(CORE_SHRINKER_DEFERRED, CORE_ANY_NODE, control);
}

/* Pools know their nodes; what waits is a queue, in which the nodes are mixed. */
static unsigned int flags_of(enum core_shrinker which)
{
	return which == CORE_SHRINKER_POOLS ? SHRINKER_NUMA_AWARE : 0;
}

static void fill(struct shrinker *shrinker, enum core_shrinker which)
{
	bool is_pools = which == CORE_SHRINKER_POOLS;

	shrinker->count_objects = is_pools ? swift_heap_count_pools : swift_heap_count_deferred;
	shrinker->scan_objects = is_pools ? swift_heap_scan_pools : swift_heap_scan_deferred;
	shrinker->seeks = is_pools ? 1 : 0;
	shrinker->batch = BATCH_PAGES;
}

#ifdef COMPAT_ALLOCATED_SHRINKERS

static struct shrinker *shrinkers[CORE_SHRINKER_COUNT];

static int add(enum core_shrinker which)
{
	struct shrinker *shrinker = shrinker_alloc(flags_of(which), "%s", names[which]);

	if (!shrinker)
		return -ENOMEM;
	fill(shrinker, which);
	shrinker_register(shrinker);
	shrinkers[which] = shrinker;
	return 0;
}

static void remove(enum core_shrinker which)
{
	shrinker_free(shrinkers[which]);
}

#else

static struct shrinker shrinkers[CORE_SHRINKER_COUNT];

static int add(enum core_shrinker which)
{
	fill(&shrinkers[which], which);
	shrinkers[which].flags = flags_of(which);
	return register_shrinker(&shrinkers[which], "%s", names[which]);
}

static void remove(enum core_shrinker which)
{
	unregister_shrinker(&shrinkers[which]);
}

#endif

int shrinker_start(void)
{
	for (enum core_shrinker which = 0; which < CORE_SHRINKER_COUNT; which++) {
		int error = add(which);

		if (error) {
			while (which > 0)
				remove(--which);
			return error;
		}
	}
	return 0;
}

void shrinker_stop(void)
{
	for (enum core_shrinker which = CORE_SHRINKER_COUNT; which > 0;)
		remove(--which);
}
