// SPDX-License-Identifier: MIT
/* The core's shrinkers, as the kernel knows shrinkers (P5, D4). */
#include "compat.h"
#include "internal.h"

static const char *const names[CORE_SHRINKER_COUNT] = {
	[CORE_SHRINKER_POOLS] = "dma-heap-pools",
	[CORE_SHRINKER_DEFERRED] = "dma-heap-deferred",
};

static unsigned long count(enum core_shrinker which)
{
	return core_shrinker_count(which) ?: SHRINK_EMPTY;
}

static unsigned long scan(enum core_shrinker which, struct shrink_control *control)
{
	control->nr_scanned = core_shrinker_scan(which, control->nr_to_scan);
	return control->nr_scanned ?: SHRINK_STOP;
}

static unsigned long count_pools(struct shrinker *shrinker, struct shrink_control *control)
{
	return count(CORE_SHRINKER_POOLS);
}

static unsigned long scan_pools(struct shrinker *shrinker, struct shrink_control *control)
{
	return scan(CORE_SHRINKER_POOLS, control);
}

static unsigned long count_deferred(struct shrinker *shrinker, struct shrink_control *control)
{
	return count(CORE_SHRINKER_DEFERRED);
}

static unsigned long scan_deferred(struct shrinker *shrinker, struct shrink_control *control)
{
	return scan(CORE_SHRINKER_DEFERRED, control);
}

static void fill(struct shrinker *shrinker, enum core_shrinker which)
{
	bool is_pools = which == CORE_SHRINKER_POOLS;

	shrinker->count_objects = is_pools ? count_pools : count_deferred;
	shrinker->scan_objects = is_pools ? scan_pools : scan_deferred;
	shrinker->seeks = DEFAULT_SEEKS;
}

#ifdef COMPAT_ALLOCATED_SHRINKERS

static struct shrinker *shrinkers[CORE_SHRINKER_COUNT];

static int add(enum core_shrinker which)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", names[which]);

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
