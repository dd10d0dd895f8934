// SPDX-License-Identifier: MIT
/*
 * Deferred freeing of other modules' objects (D1): a queue beside the core's, which knows buffers only. Its turn
 * comes when the worker has freed one buffer or has nothing to do, and in the deferred shrinker after the core's.
 */
#include <linux/bug.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"

static DEFINE_SPINLOCK(queue_lock);
static LIST_HEAD(queue);
static unsigned long waiting_pages;
/* Items that are off the queue and not yet freed. */
static unsigned int running;
static DECLARE_WAIT_QUEUE_HEAD(freed);

static bool enqueue(struct swift_deferred_item *item)
{
	bool fits;

	spin_lock(&queue_lock);
	/* A single item may be larger than the limit. */
	fits = !waiting_pages || (waiting_pages <= parameters_deferred_limit() &&
				  item->pages <= parameters_deferred_limit() - waiting_pages);
	if (fits) {
		/* Before it can be gone. */
		glue_trace_buffer_defer(CORE_KIND_OTHER, item->pages);
		list_add_tail(&item->link, &queue);
		waiting_pages += item->pages;
	}
	spin_unlock(&queue_lock);
	return fits;
}

void swift_deferred_free(struct swift_deferred_item *item)
{
	if (WARN_ONCE(!item || !item->free || item->pages > LONG_MAX,
		      MODULE_NAME ": nothing that can be freed later\n"))
		return;
	if (enqueue(item))
		glue_wake_worker();
	else
		/* Over the limit whoever frees does the work (D5). */
		item->free(item, SWIFT_DEFERRED_NORMAL);
}
EXPORT_SYMBOL_GPL(swift_deferred_free);

/* Frees what has waited longest; false when nothing waits. */
static bool free_oldest(enum swift_deferred_reason reason, unsigned long *pages)
{
	struct swift_deferred_item *item;

	spin_lock(&queue_lock);
	item = list_first_entry_or_null(&queue, struct swift_deferred_item, link);
	if (item) {
		list_del(&item->link);
		*pages = item->pages;
		waiting_pages -= item->pages;
		running++;
	}
	spin_unlock(&queue_lock);
	if (!item)
		return false;
	item->free(item, reason);
	spin_lock(&queue_lock);
	/* Under the lock, so that whoever waits does not go, with all its code, before this has been left. */
	if (!--running)
		wake_up(&freed);
	spin_unlock(&queue_lock);
	return true;
}

bool deferred_work(void)
{
	unsigned long pages;

	return free_oldest(SWIFT_DEFERRED_NORMAL, &pages);
}

unsigned long deferred_count(void)
{
	return READ_ONCE(waiting_pages);
}

unsigned long deferred_scan(unsigned long target)
{
	unsigned long freed_pages = 0;
	unsigned long pages;

	while (freed_pages < target && free_oldest(SWIFT_DEFERRED_UNDER_PRESSURE, &pages))
		freed_pages += pages;
	return freed_pages;
}

static bool is_idle(void)
{
	bool is_idle;

	spin_lock(&queue_lock);
	is_idle = !running;
	spin_unlock(&queue_lock);
	return is_idle;
}

void swift_deferred_flush(void)
{
	might_sleep();
	while (deferred_work())
		glue_let_others_run(false);
	wait_event(freed, is_idle());
}
EXPORT_SYMBOL_GPL(swift_deferred_flush);
