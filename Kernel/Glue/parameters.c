// SPDX-License-Identifier: MIT
/* The module's parameters: what an administrator decides. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/cpumask.h>

#include "internal.h"
#include "limits.h"

/* Where the kernel has heaps of its own, ours stand beside them. */
#if IS_ENABLED(CONFIG_DMABUF_HEAPS)
#define DEFAULT_PREFIX "swift-"
#else
#define DEFAULT_PREFIX ""
#endif

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

/* Limits can be changed at any time. ULONG_MAX: the core decides, and what it decided is shown. */
static unsigned long limits[CORE_LIMIT_OF_COUNT] = { ULONG_MAX, ULONG_MAX, ULONG_MAX };
static bool core_is_live;
static DEFINE_MUTEX(limits_lock);

static int set_limit(const char *value, const struct kernel_param *parameter)
{
	unsigned long *limit = parameter->arg;
	unsigned long pages;
	int error = kstrtoul(value, 0, &pages);

	if (error)
		return error;
	if (pages > LONG_MAX)
		return -EINVAL;
	mutex_lock(&limits_lock);
	*limit = pages;
	if (core_is_live)
		core_set_limit(limit - limits, pages);
	mutex_unlock(&limits_lock);
	return 0;
}

static const struct kernel_param_ops limit_ops = {
	.set = set_limit,
	.get = param_get_ulong,
};
module_param_cb(page_pool_size, &limit_ops, &limits[CORE_LIMIT_OF_POOLS], 0644);
MODULE_PARM_DESC(page_pool_size,
		 "most pages that all pools together may keep; 0 turns pooling off (default: a quarter of memory)");
module_param_cb(total_limit, &limit_ops, &limits[CORE_LIMIT_OF_ALL], 0644);
MODULE_PARM_DESC(total_limit,
		 "most pages that all buffers together may have (default: three quarters of memory)");
module_param_cb(client_limit, &limit_ops, &limits[CORE_LIMIT_OF_USER], 0644);
MODULE_PARM_DESC(client_limit,
		 "most pages that the buffers of one user other than root may have (default: half of memory)");

/* The core and the parameters have the same limits from now on, whoever knew them first. */
static void limits_go_live(void)
{
	mutex_lock(&limits_lock);
	for (enum core_limit_of which = 0; which < CORE_LIMIT_OF_COUNT; which++) {
		if (limits[which] == ULONG_MAX)
			limits[which] = core_limit(which);
		else
			core_set_limit(which, limits[which]);
	}
	core_is_live = true;
	mutex_unlock(&limits_lock);
}

int parameters_start_core(void)
{
	struct core_configuration configuration = {
		.page_pool_size = limits[CORE_LIMIT_OF_POOLS],
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
	deferred_limit = configuration.deferred_limit;
	order_count = configuration.order_count;
	limits_go_live();
	return 0;
}

void parameters_stop_core(void)
{
	mutex_lock(&limits_lock);
	core_is_live = false;
	mutex_unlock(&limits_lock);
	core_stop();
}

unsigned long parameters_deferred_limit(void)
{
	return deferred_limit;
}

const char *parameters_name_prefix(void)
{
	return name_prefix;
}
