// SPDX-License-Identifier: MIT
/* The module's life: its parts start in this order and stop in the reverse one. */
#include <linux/init.h>
#include <linux/module.h>

#include "../include/swift_dma_heaps.h"
#include "compat.h"
#include "internal.h"

static const struct part {
	int (*start)(void);
	void (*stop)(void);
} parts[] = {
	{ names_start, names_stop },
	{ buffer_start, buffer_stop },
	{ regions_take, regions_give_back },
	{ parameters_start_core, parameters_stop_core },
	{ own_heaps_make, own_heaps_discard },
	{ worker_start, worker_stop },
	{ shrinker_start, shrinker_stop },
	{ limits_start, limits_stop },
	/* The last one: what clients can see is not taken back (H7). */
	{ own_heaps_publish, own_heaps_withdraw },
};

static void stop_parts(size_t count)
{
	while (count > 0)
		parts[--count].stop();
}

static int __init swift_dma_heaps_init(void)
{
	for (size_t index = 0; index < ARRAY_SIZE(parts); index++) {
		int error = parts[index].start();

		if (error) {
			stop_parts(index);
			return error;
		}
	}
	devices_start();
	aliases_report();
	debug_start();
	return 0;
}

static void __exit swift_dma_heaps_exit(void)
{
	debug_stop();
	devices_stop();
	stop_parts(ARRAY_SIZE(parts));
}

module_init(swift_dma_heaps_init);
module_exit(swift_dma_heaps_exit);
MODULE_VERSION(SWIFT_DMA_HEAPS_VERSION);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_AUTHOR("The swift-dma-heaps authors");
MODULE_DESCRIPTION("DMA-BUF heaps with page pools and deferred freeing");
COMPAT_IMPORT_DMA_BUF;
