// SPDX-License-Identifier: MIT
/* The module's parameters: what an administrator decides. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/cpumask.h>

#include "internal.h"

/* Where the kernel has heaps of its own, ours stand beside them. */
#if IS_ENABLED(CONFIG_DMABUF_HEAPS)
#define DEFAULT_PREFIX "swift-"
#else
#define DEFAULT_PREFIX ""
#endif

static DEFINE_MUTEX(limit_lock);
static bool core_is_live;

static char *name_prefix = DEFAULT_PREFIX;
module_param(name_prefix, charp, 0444);
MODULE_PARM_DESC(name_prefix,
		 "what the names of this module's own heaps begin with (default: \"swift-\" on a kernel with heaps of its own, else nothing)");

static unsigned int orders[CORE_MOST_ORDERS];
static unsigned int order_count;
module_param_array(orders, uint, &order_count, 0444);
MODULE_PARM_DESC(orders,
		 "orders of the system heap's blocks, descending, the last one 0 (default: those of 1 MiB, 64 KiB and one page: 8,4,0)");

static unsigned int refill_low[CORE_MOST_ORDERS];
module_param_array(refill_low, uint, NULL, 0444);
MODULE_PARM_DESC(refill_low,
		 "for each of the orders, how few free blocks make the worker get more in advance (default: 0, none)");

static unsigned int refill_high[CORE_MOST_ORDERS];
module_param_array(refill_high, uint, NULL, 0444);
MODULE_PARM_DESC(refill_high,
		 "for each of the orders, up to how many free blocks the worker gets, at least the low mark (default: the low mark)");

/* ULONG_MAX: the core decides, and what it decided is shown. */
static unsigned long deferred_limit = ULONG_MAX;
module_param(deferred_limit, ulong, 0444);
MODULE_PARM_DESC(deferred_limit,
		 "most pages that may wait to be zeroed (default: 16384, at most an eighth of memory)");

static unsigned long page_pool_size = ULONG_MAX;

static int set_page_pool_size(const char *value, const struct kernel_param *parameter)
{
	unsigned long pages;
	int error = kstrtoul(value, 0, &pages);

	if (error)
		return error;
	if (pages > LONG_MAX)
		return -EINVAL;
	mutex_lock(&limit_lock);
	page_pool_size = pages;
	if (core_is_live)
		core_set_limit(pages);
	mutex_unlock(&limit_lock);
	return 0;
}

static const struct kernel_param_ops page_pool_size_ops = {
	.set = set_page_pool_size,
	.get = param_get_ulong,
};
module_param_cb(page_pool_size, &page_pool_size_ops, &page_pool_size, 0644);
MODULE_PARM_DESC(page_pool_size,
		 "most pages that all pools together may keep; 0 turns pooling off (default: a quarter of memory)");

int parameters_start_core(void)
{
	struct core_configuration configuration = {
		.page_pool_size = page_pool_size,
		.deferred_limit = deferred_limit,
		.total_pages = totalram_pages(),
		.cpu_count = num_possible_cpus(),
		.order_count = order_count,
		.orders = orders,
		.refill_low = refill_low,
		.refill_high = refill_high,
	};
	int error = core_start(&configuration);

	if (error == -EINVAL)
		pr_err(MODULE_NAME
		       ": orders must descend to 0 from at most %d, refill_high be at least refill_low\n",
		       ilog2(glue_largest_run()));
	else if (error == -E2BIG)
		pr_err(MODULE_NAME
		       ": refill_high: all blocks together are more than page_pool_size allows\n");
	if (error)
		return error;
	mutex_lock(&limit_lock);
	/* Unless it was set while the core was starting. */
	if (page_pool_size == ULONG_MAX)
		page_pool_size = configuration.page_pool_size;
	mutex_unlock(&limit_lock);
	deferred_limit = configuration.deferred_limit;
	order_count = configuration.order_count;
	return 0;
}

unsigned long parameters_deferred_limit(void)
{
	return deferred_limit;
}

const char *parameters_name_prefix(void)
{
	return name_prefix;
}

void parameters_go_live(void)
{
	mutex_lock(&limit_lock);
	core_is_live = true;
	/* It may have been changed while the module was starting. */
	core_set_limit(page_pool_size);
	mutex_unlock(&limit_lock);
}

void parameters_end(void)
{
	mutex_lock(&limit_lock);
	core_is_live = false;
	mutex_unlock(&limit_lock);
}
