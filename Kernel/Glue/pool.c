// SPDX-License-Identifier: MIT
/*
 * The page pool for other modules. Others make mistakes, which must not become ours: a pool is known to them by a
 * number that is never given out again, and a block by the word in its page that says whose it is. What does
 * not fit is reported once, and does nothing that anybody has to pay for but its author.
 */
#include <linux/bug.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"
#include "limits.h"

#define MOST_POOLS 256

static struct pool_entry {
	/* What the owner knows the pool by, 0 when it has none: serial number * MOST_POOLS + index. */
	unsigned long handle;
	/* The word by which the core knows the pool, and which stands in its blocks; stays after the pool. */
	unsigned long word;
	/* Whether the core has the pool, which for a moment outlives the handle. */
	bool is_there;
	swift_page_pool_free_function *free;
	void *data;
} pools[MOST_POOLS];

/* Guards creation and destruction; those who use a pool that is there need no lock. */
static DEFINE_MUTEX(pools_lock);
static unsigned long last_serial;

#define MISUSE(condition, text) WARN_ONCE(condition, MODULE_NAME ": " text "\n")

static struct pool_entry *find(struct swift_page_pool *pool)
{
	unsigned long handle = (unsigned long)pool;
	struct pool_entry *entry = &pools[handle % MOST_POOLS];

	if (MISUSE(!handle || READ_ONCE(entry->handle) != handle, "there is no such pool"))
		return NULL;
	return entry;
}

/* The pool that a block's word is of; one that is no more, if need be. */
static struct pool_entry *pool_of(unsigned long word)
{
	struct pool_entry *past = NULL;

	for (struct pool_entry *entry = pools; word && entry < pools + MOST_POOLS; entry++) {
		if (READ_ONCE(entry->word) != word)
			continue;
		if (READ_ONCE(entry->is_there))
			return entry;
		past = entry;
	}
	return past;
}

/* An unused entry, those used longest ago first: blocks of a past pool are known as long as can be. */
static struct pool_entry *unused_entry(void)
{
	for (unsigned long count = 0; count < MOST_POOLS; count++) {
		struct pool_entry *entry = &pools[++last_serial % MOST_POOLS];

		if (!entry->is_there)
			return entry;
	}
	return NULL;
}

struct swift_page_pool *swift_page_pool_create(unsigned int order)
{
	return swift_page_pool_create_with(order, NULL, NULL);
}
EXPORT_SYMBOL_GPL(swift_page_pool_create);

struct swift_page_pool *swift_page_pool_create_with(unsigned int order,
						    swift_page_pool_free_function *free,
						    void *data)
{
	struct swift_page_pool *pool = NULL;
	struct pool_entry *entry;
	unsigned long word = core_pool_create(order);

	if (!word)
		return NULL;
	mutex_lock(&pools_lock);
	entry = unused_entry();
	if (entry) {
		entry->free = free;
		entry->data = data;
		WRITE_ONCE(entry->word, word);
		WRITE_ONCE(entry->is_there, true);
		/* The serial number ends in the index. */
		WRITE_ONCE(entry->handle, last_serial);
		pool = (struct swift_page_pool *)last_serial;
	}
	mutex_unlock(&pools_lock);
	if (!pool)
		core_pool_destroy(word);
	return pool;
}
EXPORT_SYMBOL_GPL(swift_page_pool_create_with);

void swift_page_pool_destroy(struct swift_page_pool *pool)
{
	struct pool_entry *entry;

	mutex_lock(&pools_lock);
	entry = find(pool);
	if (entry)
		WRITE_ONCE(entry->handle, 0);
	mutex_unlock(&pools_lock);
	if (!entry)
		return;
	core_pool_destroy(entry->word);
	/* Its blocks are gone, so its function is not called any more. */
	mutex_lock(&pools_lock);
	entry->free = NULL;
	WRITE_ONCE(entry->is_there, false);
	mutex_unlock(&pools_lock);
}
EXPORT_SYMBOL_GPL(swift_page_pool_destroy);

void glue_free_pool_block(struct page *block, unsigned int order, unsigned long pool)
{
	struct pool_entry *entry = pool_of(pool);

	if (!entry || !entry->free) {
		glue_free_block(block, order);
		return;
	}
	set_page_private(block, 0);
	entry->free(block, order, entry->data);
}

static struct page *take(const struct pool_entry *entry)
{
	unsigned long pages = entry->word >> CORE_TAG_PAGES_SHIFT;
	struct page *block = core_pool_take(entry->word);

	if (block)
		glue_trace_pool_hit(CORE_KIND_OTHER, pages);
	else
		glue_trace_pool_miss(CORE_KIND_OTHER, pages);
	return block;
}

struct page *swift_page_pool_take(struct swift_page_pool *pool)
{
	struct pool_entry *entry = find(pool);

	return entry ? take(entry) : NULL;
}
EXPORT_SYMBOL_GPL(swift_page_pool_take);

struct page *swift_page_pool_alloc_new(struct swift_page_pool *pool)
{
	struct pool_entry *entry = find(pool);

	return entry ? core_pool_allocate(entry->word) : NULL;
}
EXPORT_SYMBOL_GPL(swift_page_pool_alloc_new);

struct page *swift_page_pool_alloc(struct swift_page_pool *pool)
{
	struct pool_entry *entry = find(pool);

	if (!entry)
		return NULL;
	return take(entry) ?: core_pool_allocate(entry->word);
}
EXPORT_SYMBOL_GPL(swift_page_pool_alloc);

/* A block goes back to the system: to where its own word says, or nowhere if it is none of ours. */
static void let_go(struct page *block)
{
	struct pool_entry *entry = pool_of(page_private(block));

	if (!MISUSE(!entry, "a block is of no pool; it is left alone"))
		core_pool_release(entry->word, block);
}

void swift_page_pool_give(struct swift_page_pool *pool, struct page *block)
{
	struct pool_entry *entry = find(pool);

	if (MISUSE(!block, "no block is given"))
		return;
	if (!entry || MISUSE(page_private(block) != entry->word, "a block is given to another's pool"))
		let_go(block);
	else
		core_pool_give(entry->word, block);
}
EXPORT_SYMBOL_GPL(swift_page_pool_give);

void swift_page_pool_release(struct swift_page_pool *pool, struct page *block)
{
	struct pool_entry *entry = find(pool);

	if (MISUSE(!block, "no block is released"))
		return;
	MISUSE(entry && page_private(block) != entry->word, "a block is released to another's pool");
	let_go(block);
}
EXPORT_SYMBOL_GPL(swift_page_pool_release);

unsigned long swift_page_pool_pages(struct swift_page_pool *pool)
{
	struct pool_entry *entry = find(pool);

	return entry ? core_pool_pages(entry->word) : 0;
}
EXPORT_SYMBOL_GPL(swift_page_pool_pages);

unsigned long swift_page_pools_total(void)
{
	return core_pools_total();
}
EXPORT_SYMBOL_GPL(swift_page_pools_total);

unsigned long swift_page_pools_limit(void)
{
	return core_limit(CORE_LIMIT_OF_POOLS);
}
EXPORT_SYMBOL_GPL(swift_page_pools_limit);
