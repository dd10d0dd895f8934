// SPDX-License-Identifier: MIT
/*
 * Another module's right use of what is exported: a pool whose blocks it frees itself, queries, deferred freeing
 * in order and under pressure, and buffers of a heap that it finds by name.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/iosys-map.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "../Glue/compat.h"
#include "expect.h"
#include "swift_dma_heaps.h"

#define ORDER 4
#define PAGES (1ul << ORDER)

static char *heap = "system";
module_param(heap, charp, 0444);

/* Shrinks what waits by hand, as root does: debugfs takes text from a process, so from this one's memory. */
static bool shrink(void)
{
	static const char line[] = "0 0 1000";
	struct file *file =
		filp_open("/sys/kernel/debug/swift_dma_heaps/shrinkers/deferred/scan", O_WRONLY, 0);
	unsigned long place = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, 0);
	loff_t position = 0;
	bool is_done;

	if (IS_ERR(file) || IS_ERR_VALUE(place))
		return false;
	is_done = !copy_to_user((void __user *)place, line, sizeof(line)) &&
		  file->f_op->write(file, (char __user *)place, sizeof(line) - 1, &position) > 0;
	vm_munmap(place, PAGE_SIZE);
	fput(file);
	return is_done;
}

static atomic_t freed_blocks;

static void free_block(struct page *block, unsigned int order, void *data)
{
	EXPECT(order == ORDER, "order %u is freed", order);
	EXPECT(data == &freed_blocks, "the pool's data is lost");
	EXPECT(!page_private(block), "a freed block has a mark");
	atomic_inc(data);
	__free_pages(block, order);
}

static void own_free_function(void)
{
	struct swift_page_pool *pool =
		swift_page_pool_create_with(ORDER, free_block, &freed_blocks);
	unsigned long total = swift_page_pools_total();
	struct page *first, *second;

	EXPECT(pool, "no pool");
	if (!pool)
		return;
	EXPECT(swift_page_pools_limit() > 0, "no limit");
	EXPECT(!swift_page_pool_take(pool), "an empty pool has a block");
	first = swift_page_pool_alloc(pool);
	second = swift_page_pool_alloc_new(pool);
	EXPECT(first && second && first != second, "two blocks are not two");
	if (!first || !second)
		return;
	swift_page_pool_give(pool, first);
	EXPECT(swift_page_pool_pages(pool) == PAGES, "%lu pages after a give", swift_page_pool_pages(pool));
	EXPECT(swift_page_pools_total() == total + PAGES, "the total does not show it");
	EXPECT(swift_page_pool_alloc(pool) == first, "a pooled block is not taken");
	swift_page_pool_give(pool, first);
	EXPECT(!atomic_read(&freed_blocks), "blocks in use were freed");
	swift_page_pool_release(pool, second);
	EXPECT(atomic_read(&freed_blocks) == 1, "a released block is not freed by its owner");
	swift_page_pool_destroy(pool);
	EXPECT(atomic_read(&freed_blocks) == 2, "a pooled block is not freed by its owner");
}

static int order_of_freeing[8];
static int freed_items;
static enum swift_deferred_reason last_reason;
static unsigned int delay;

struct object {
	struct swift_deferred_item item;
	int number;
};

static void free_object(struct swift_deferred_item *item, enum swift_deferred_reason reason)
{
	struct object *object = container_of(item, struct object, item);
	unsigned int own_delay = delay;

	msleep(own_delay);
	last_reason = reason;
	if (freed_items < ARRAY_SIZE(order_of_freeing))
		order_of_freeing[freed_items++] = object->number;
}

static struct object objects[ARRAY_SIZE(order_of_freeing)];

static void hand_over(unsigned int count, unsigned long pages)
{
	freed_items = 0;
	for (int number = 0; number < count; number++) {
		objects[number] = (struct object) {
			.item = { .pages = pages, .free = free_object },
			.number = number,
		};
		swift_deferred_free(&objects[number].item);
	}
}

static void deferred_freeing(void)
{
	unsigned int last = ARRAY_SIZE(objects) - 1;

	/* More than may wait: it is freed here only if something waits already. */
	delay = 20;
	hand_over(1, 1ul << 40);
	EXPECT(!freed_items, "a single item was not deferred");
	swift_deferred_flush();
	EXPECT(freed_items == 1, "a flush did not wait for the last item");

	/* The worker by itself, in order. */
	delay = 5;
	hand_over(ARRAY_SIZE(objects), 16);
	EXPECT(freed_items <= last, "nothing was deferred");
	for (unsigned int tries = 0; tries < 500 && READ_ONCE(freed_items) <= last; tries++)
		msleep(10);
	EXPECT(READ_ONCE(freed_items) == last + 1, "the worker has freed %d", freed_items);
	for (int number = 0; number <= last; number++)
		EXPECT(order_of_freeing[number] == number, "item %d was freed as number %d",
		       order_of_freeing[number], number);
	EXPECT(last_reason == SWIFT_DEFERRED_NORMAL, "the worker is not pressure");

	/* While the worker is busy with the first, the shrinker gets the others. */
	delay = 200;
	hand_over(3, 16);
	msleep(50);
	delay = 0;
	EXPECT(shrink(), "nothing could be shrunk");
	EXPECT(last_reason == SWIFT_DEFERRED_UNDER_PRESSURE, "a shrinker is no pressure");
	swift_deferred_flush();
	EXPECT(freed_items == 3, "%d of 3 were freed", freed_items);
}

#ifdef CONFIG_MEMORY_FAILURE

/* A buffer of the heap with so many pages, and its pages as the kernel maps them. */
static struct dma_buf *buffer_of(struct swift_dma_heap *found, unsigned long pages,
				 struct iosys_map *map)
{
	struct dma_buf *buffer = swift_dma_heap_alloc(found, pages << PAGE_SHIFT, O_RDWR, 0);

	if (IS_ERR(buffer))
		return buffer;
	if (buffer->ops->vmap(buffer, map)) {
		dma_buf_put(buffer);
		return ERR_PTR(-ENOMEM);
	}
	return buffer;
}

/* A page that the kernel finds faulty is in no later buffer. */
static void faulty_page(struct swift_dma_heap *found, unsigned long pages)
{
	struct iosys_map map;
	struct dma_buf *buffer = buffer_of(found, pages, &map);
	struct page *page;

	EXPECT(!IS_ERR(buffer), "no buffer of %lu pages", pages);
	if (IS_ERR(buffer))
		return;
	memset(map.vaddr, 0xA7, pages << PAGE_SHIFT);
	page = vmalloc_to_page(map.vaddr + (pages / 2 << PAGE_SHIFT));
	SetPageHWPoison(page);
	buffer->ops->vunmap(buffer, &map);
	dma_buf_put(buffer);
	/* Until the worker has seen it. */
	msleep(300);
	/* Alone the kernel has it now, and knows; as a part of a block it must not even go there. */
	EXPECT(pages == 1 || page_count(page), "a block with a faulty page was freed");
	for (unsigned int tries = 0; tries < 4; tries++) {
		buffer = buffer_of(found, pages, &map);
		if (IS_ERR(buffer))
			continue;
		for (unsigned long index = 0; index < pages; index++)
			EXPECT(vmalloc_to_page(map.vaddr + (index << PAGE_SHIFT)) != page,
			       "a faulty page is in a new buffer of %lu pages", pages);
		EXPECT(!memchr_inv(map.vaddr, 0, pages << PAGE_SHIFT),
		       "%lu pages are not zero after a faulty one", pages);
		buffer->ops->vunmap(buffer, &map);
		dma_buf_put(buffer);
		msleep(100);
	}
}

#else

static void faulty_page(struct swift_dma_heap *found, unsigned long pages)
{
}

#endif

static DECLARE_COMPLETION(looked);

/* In a thread of the kernel's: what a process drops in a system call is released when that ends. */
static int look_for_faulty_pages(void *found)
{
	/* A page, 64 KiB, 1 MiB: freed by whoever drops it, and by the worker. */
	faulty_page(found, 1);
	faulty_page(found, 16);
	faulty_page(found, 256);
	complete(&looked);
	return 0;
}

static void buffers_by_name(void)
{
	struct swift_dma_heap *found = swift_dma_heap_find(heap);
	struct dma_buf *buffer;

	EXPECT(!swift_dma_heap_find("no-such-heap"), "there is a heap that is not");
	EXPECT(found, "no heap '%s'", heap);
	if (!found)
		return;
	EXPECT(!strcmp(swift_dma_heap_name(found), heap), "it has another name");
	buffer = swift_dma_heap_alloc(found, 1, O_RDWR | O_CLOEXEC, 0);
	EXPECT(!IS_ERR(buffer), "no buffer: %ld", PTR_ERR(buffer));
	if (!IS_ERR(buffer)) {
		EXPECT(buffer->size == PAGE_SIZE, "1 byte is %zu", buffer->size);
		EXPECT(!strcmp(buffer->exp_name, heap), "the buffer's heap is %s", buffer->exp_name);
		dma_buf_put(buffer);
	}
	EXPECT(swift_dma_heap_alloc(found, 0, 0, 0) == ERR_PTR(-EINVAL), "0 bytes");
	EXPECT(swift_dma_heap_alloc(found, ULONG_MAX, 0, 0) == ERR_PTR(-EINVAL), "all bytes");
	EXPECT(swift_dma_heap_alloc(found, 1, O_APPEND, 0) == ERR_PTR(-EINVAL), "O_APPEND");
	EXPECT(swift_dma_heap_alloc(found, 1, 0, 1) == ERR_PTR(-EINVAL), "a heap flag");
	if (IS_ERR(kthread_run(look_for_faulty_pages, found, "looks-for-faulty")))
		EXPECT(false, "no thread");
	else
		wait_for_completion(&looked);
	swift_dma_heap_put(found);
}

static int __init pool_owner_init(void)
{
	own_free_function();
	deferred_freeing();
	buffers_by_name();
	return 0;
}

static void __exit pool_owner_exit(void)
{
	swift_deferred_flush();
}

module_init(pool_owner_init);
module_exit(pool_owner_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_AUTHOR("The swift-dma-heaps authors");
MODULE_DESCRIPTION("Uses what swift_dma_heaps exports, as it is meant to be used");
COMPAT_IMPORT_DMA_BUF;
