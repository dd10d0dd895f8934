// SPDX-License-Identifier: MIT
/* The page pool for other modules: a pool pointer is the word by which the core knows the pool. */
#include <linux/export.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"

struct swift_page_pool *swift_page_pool_create(unsigned int order)
{
	return (struct swift_page_pool *)core_pool_create(order);
}
EXPORT_SYMBOL_GPL(swift_page_pool_create);

void swift_page_pool_destroy(struct swift_page_pool *pool)
{
	core_pool_destroy((unsigned long)pool);
}
EXPORT_SYMBOL_GPL(swift_page_pool_destroy);

struct page *swift_page_pool_take(struct swift_page_pool *pool)
{
	return core_pool_take((unsigned long)pool);
}
EXPORT_SYMBOL_GPL(swift_page_pool_take);

struct page *swift_page_pool_alloc(struct swift_page_pool *pool)
{
	return core_pool_allocate((unsigned long)pool);
}
EXPORT_SYMBOL_GPL(swift_page_pool_alloc);

void swift_page_pool_give(struct swift_page_pool *pool, struct page *block)
{
	core_pool_give((unsigned long)pool, block);
}
EXPORT_SYMBOL_GPL(swift_page_pool_give);

void swift_page_pool_release(struct swift_page_pool *pool, struct page *block)
{
	core_pool_release((unsigned long)pool, block);
}
EXPORT_SYMBOL_GPL(swift_page_pool_release);
