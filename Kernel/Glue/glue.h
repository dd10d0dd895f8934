/* SPDX-License-Identifier: MIT */
/*
 * The border between the module's two languages: what the Swift core asks of the kernel (glue_*) and
 * what the kernel's callbacks ask of the core (core_*).
 *
 * Both compilers read this file, so it includes no kernel header and uses no type whose size a
 * kernel's configuration decides: one Swift object serves every kernel of an architecture.
 */
#ifndef SWIFT_DMA_HEAPS_GLUE_H
#define SWIFT_DMA_HEAPS_GLUE_H

#ifndef __KERNEL__
#include <stdbool.h>
#endif

struct page;
struct seq_file;
struct dma_buf;
struct swift_dma_heap;
struct device_node;

/* How the CPU's caches treat a buffer. */
enum core_caching {
	CORE_CACHED,
	CORE_WRITE_COMBINED,
	CORE_UNCACHED,
};

/* What the core keeps in a buffer object. */
struct core_buffer {
	/* The core's heap that the buffer is of. */
	void *heap;
	/* S4: set for good by core_accessed(); read once, at release. */
	bool may_be_written;
	/* How the buffer's operations are to map it; constant. */
	bool needs_cache_maintenance;
	enum core_caching caching;
	/* Its blocks and whom it is charged to: the core's alone. */
	unsigned long allocation[5];
};

/* Memory. A page pointer names a block: its first page. */

/* How hard the kernel is to try for memory. It never kills a process for it, nor uses its reserves. */
enum core_effort {
	CORE_EFFORT_NONE,	/* what is free now; nobody is woken */
	CORE_EFFORT_BACKGROUND,	/* what is free now; the kernel may reclaim for those who come later */
	CORE_EFFORT_DIRECT,	/* the caller reclaims, once */
	CORE_EFFORT_FULL,	/* the caller reclaims as long as that leads anywhere */
};

#define CORE_ANY_NODE (-1)

/* Nodes that memory may be of, 1 or more; and the one nearest to the caller. */
unsigned int glue_node_count(void);
unsigned int glue_current_node(void);

/*
 * 2^order pages, zeroed, as one compound page, of that node and no other, or of any; NULL when there are none.
 * Context: process; may sleep.
 */
struct page *glue_allocate_block(unsigned int order, enum core_effort effort, int node);
/* A block with a faulty page is kept back, never to be used again. */
void glue_free_block(struct page *block, unsigned int order);
/* A contiguous run of any length up to glue_largest_run() pages, otherwise alike. */
struct page *glue_allocate_run(unsigned long pages, enum core_effort effort, int node);
void glue_free_run(struct page *block, unsigned long pages);
unsigned long glue_largest_run(void);
/* The kernel's number of a page, and the page of a number. */
unsigned long glue_frame(struct page *page);
struct page *glue_page(unsigned long frame);
/* The node whose memory a frame is. */
int glue_frame_node(unsigned long frame);
/* The first of the frames up to the end whose page the kernel has found faulty; the end when there is none. */
unsigned long glue_first_faulty(unsigned long frame, unsigned long end);
/*
 * Takes frames of a lent region from whoever has them, and zeroes them; false when somebody does not let go of one, or
 * the caller is being killed. Context: process; sleeps.
 */
bool glue_claim(unsigned long frame, unsigned long pages);
void glue_unclaim(unsigned long frame, unsigned long pages);
/* A block of another module's pool, which may want to free it itself. */
void glue_free_pool_block(struct page *block, unsigned int order, unsigned long pool);
/*
 * False when the kernel has found one of the pages faulty: the block must not be used again, only freed.
 * Others get their turn after 1 MiB at most, and after each call. Context: process; may sleep between pages.
 */
bool glue_zero(struct page *block, unsigned long pages);
/*
 * The core's view of a block's struct page: the words of its lru and private, which belong to whoever
 * allocated the page. memory.c asserts that the kernel has them there.
 */
struct core_page {
	unsigned long flags;
	struct page *next;
	struct page *previous;
	unsigned long others[2];
	unsigned long tag;
};

/* Base-two logarithm of the bytes in a page. */
extern const unsigned int glue_page_shift;

/* Which bits of a tag are the block's pages; the others are the core's alone. */
#define CORE_TAG_PAGES_SHIFT 24

/* Locks: spinlocks that tell lockdep their rank, 0 to 7. */
void *glue_make_lock(unsigned int rank);
void glue_destroy_lock(void *lock);
void glue_lock(void *lock);
void glue_unlock(void *lock);

/* The calling thread. */
unsigned int glue_current_cpu(void);
/* Whether the caller should stop what it does, because it is being killed or frozen. */
bool glue_caller_must_stop(void);
/* The negative errno for that: a frozen caller asks again, by itself, when it is thawed. */
int glue_interruption(void);
void glue_relax(void);
/*
 * Others get their turn, if they want one. may_freeze: also when the machine is about to sleep; for a caller who
 * holds nothing that anybody waits for, and does not reclaim memory for somebody else.
 */
void glue_let_others_run(bool may_freeze);
/* Nanoseconds of a clock that does not go back. */
unsigned long long glue_now(void);

/* The worker; the last three are for the worker itself. */
void glue_wake_worker(void);
bool glue_worker_must_stop(void);
void glue_worker_yield(void);
/* Until somebody wakes it, or glue_now() is past the deadline. */
void glue_worker_sleep(unsigned long long deadline);

/* The device tree; where the kernel has none, nobody asks. */
bool glue_tree_is_compatible(struct device_node *node, const char *entry);
/* How many bytes there are, as they stand in the tree; -1 when there is no such property. */
int glue_tree_property(struct device_node *node, const char *name, const void **bytes);
struct device_node *glue_tree_parent(struct device_node *node);
bool glue_tree_is_reserved_memory(struct device_node *node);
struct device_node *glue_tree_node(unsigned int phandle);

/* Buffer objects. */
/*
 * Makes a buffer of blocks that are linked from the first on, and exports it as a dma-buf of that heap. What
 * the core keeps in the object begins as a copy of *core. Or an error pointer: then there is no buffer.
 * pages: of the buffer; the last block may have more.
 */
struct dma_buf *glue_export(const struct core_buffer *core, struct page *first,
			    unsigned long blocks, unsigned long pages,
			    const struct swift_dma_heap *heap, unsigned int flags);
/* Frees the object, not its blocks. Allocates nothing. */
void glue_destroy_buffer(struct core_buffer *buffer);

/* Requests. */
/* Both return the bytes that could not be copied. */
unsigned long glue_copy_from_user(void *to, unsigned long from, unsigned long size);
unsigned long glue_copy_to_user(unsigned long to, const void *from, unsigned long size);
/* A free descriptor number, or a negative errno. */
int glue_reserve_descriptor(unsigned int flags);
void glue_cancel_descriptor(int descriptor);
void glue_install_descriptor(int descriptor, struct dma_buf *buffer);
void glue_drop(struct dma_buf *buffer);
/* The core's own heap behind a node, NULL for another module's. */
void *glue_own_heap(const struct swift_dma_heap *heap);
/* Another module's operation: a dma-buf or an error pointer, -ENODEV when the heap is removed. */
struct dma_buf *glue_call_heap(struct swift_dma_heap *heap, unsigned long length,
			       unsigned int flags, unsigned long long heap_flags);
const char *glue_heap_name(const struct swift_dma_heap *heap);

/* Trace events; they cost a call while nobody listens. pages: of the block or buffer. */
enum core_kind {
	CORE_KIND_SYSTEM,
	CORE_KIND_CONTIGUOUS,
	CORE_KIND_OTHER,	/* another module's */
	CORE_KIND_REGION,
};

/* A block was asked for: it was in a pool, or not. */
void glue_trace_pool_hit(enum core_kind kind, unsigned long pages);
void glue_trace_pool_miss(enum core_kind kind, unsigned long pages);
/* The worker has got a block in advance. */
void glue_trace_pool_refill(enum core_kind kind, unsigned long pages);
/* A buffer waits to be zeroed from now on. */
void glue_trace_buffer_defer(enum core_kind kind, unsigned long pages);
/* A block is zeroed. */
void glue_trace_block_zero(enum core_kind kind, unsigned long pages);

/* Text for debugfs. */
void glue_print_byte(struct seq_file *file, char byte);
void glue_print(struct seq_file *file, const char *text);
void glue_print_number(struct seq_file *file, long number);

/* The core. */

/* Memory that the module has until core_stop(), zeroed unless it is lent, for a heap of its own. */
struct core_region {
	const char *name;	/* of the heap; lives as long */
	unsigned long first_frame;
	unsigned long pages;
	unsigned long long chunk_bytes;	/* 0: buffers are runs */
	/* What is free of it the kernel lends to others: frames are claimed when they are wanted. */
	bool is_lent;
};

enum core_region_problem {
	CORE_REGION_IS_FINE,
	CORE_REGION_IS_NO_PAGES,
	CORE_REGION_IS_TOO_LARGE,
	CORE_REGION_CHUNK_IS_NO_POWER_OF_TWO,
	CORE_REGION_CHUNK_IS_TOO_LARGE,
};

/* Whether a region may be like that. The core need not run. Context: any. */
enum core_region_problem core_check_region(unsigned long long bytes, unsigned long long chunk_bytes);

/* A heap's node in the device tree, as the core understands it. */
struct core_declaration {
	/* The region's node; where something is wrong, the node whose property that is. */
	struct device_node *region;
	unsigned long long chunk_bytes;	/* 0: buffers are runs */
	/* Whether contiguous memory comes from the region unless another is asked for. */
	bool is_default;
	const char *property;
	unsigned long long number;	/* the wrong one, 0 for none */
};

enum core_declaration_problem {
	CORE_DECLARATION_IS_FINE,
	CORE_DECLARATION_OF_NOTHING,	/* the node is no heap's */
	CORE_DECLARATION_LACKS,
	CORE_DECLARATION_HAS_LENGTH,
	CORE_DECLARATION_OF_UNKNOWN_NODE,
	CORE_DECLARATION_OF_NO_REGION,
	CORE_DECLARATION_CONTRADICTS_NO_MAP,
	CORE_DECLARATION_NO_POWER_OF_TWO,
	CORE_DECLARATION_NO_PAGES,
	CORE_DECLARATION_HAS_CELLS,
	CORE_DECLARATION_TOO_LARGE,
	CORE_DECLARATION_EXCEEDS_REGION,
	CORE_DECLARATION_PROBLEMS,
};

/* Reads a node. The core need not run. Context: process. */
enum core_declaration_problem core_read_declaration(struct device_node *node,
						     struct core_declaration *read);

/*
 * A name of a declared heap, that which it is listed by first; NULL behind the last. is_first: whether it is the first
 * heap of its region. node, region: what their nodes are called, one of which may be the name. The core need not run.
 */
const char *core_declared_name(const struct core_declaration *read, bool is_first, const char *node,
			       const char *region, unsigned int index);

/* What the administrator has set; where nothing was set (ULONG_MAX, no orders, a mark of 0) the core decides. */
struct core_configuration {
	unsigned long page_pool_size;	/* pages, P4 */
	unsigned long deferred_limit;	/* pages, D5 */
	unsigned long total_pages;	/* of the machine */
	unsigned int cpu_count;
	/* At most CORE_MOST_ORDERS of each. */
	unsigned int order_count;
	unsigned int *orders;	/* descending, the last one 0 */
	/* For each order, the blocks that are to be there in advance, 0 for none. */
	unsigned int *refill_low;
	unsigned int *refill_high;
};

#define CORE_MOST_ORDERS 16

/*
 * 0, and the configuration says what holds; or a negative errno, and nothing is left behind. Context: process;
 * may sleep.
 */
int core_start(struct core_configuration *configuration);
/* No buffer lives, the worker has stopped, no shrinker is registered. */
void core_stop(void);

#define CORE_MOST_OWN_HEAPS 32

/*
 * The module's own heaps, those of regions behind the others, whose nodes are to come up in this order, with the
 * module's prefix before their names.
 */
unsigned int core_own_heap_count(void);
const char *core_own_heap_name(unsigned int index);
/* What glue_own_heap() is to return for its node. */
void *core_own_heap(unsigned int index);

/*
 * Adds one for a region, which stays until core_stop(), as the name has to. *own: as of core_own_heap(). -ENOSPC when
 * there are too many. Context: process, one caller at a time; may sleep.
 */
int core_add_own_heap(const struct core_region *region, void **own);

/*
 * Has the worker keep low to high chunks of one of them in stock; with 0 none, and those that are there go back. -EINVAL
 * for marks that cannot be or a heap that has no chunks, -E2BIG for more than the limit of the pools. Context: process.
 */
int core_refill_own_heap(void *own, unsigned int low, unsigned int high);

/* A request that comes from inside the kernel, checked as those of clients are: a dma-buf or an error pointer. */
struct dma_buf *core_request(struct swift_dma_heap *heap, unsigned long length, unsigned int flags,
			     unsigned long long heap_flags);
/* The ways to reach a buffer's memory. */
enum core_access {
	CORE_ACCESS_PROCESS_READS,
	/* A mapping that is or can become writable. */
	CORE_ACCESS_PROCESS_CAN_WRITE,
	CORE_ACCESS_DEVICE_READS,
	CORE_ACCESS_DEVICE_WRITES,
	CORE_ACCESS_KERNEL,
};

/* Somebody is given one of them: what that says of the memory is the core's to know (S4). Context: any. */
void core_accessed(struct core_buffer *buffer, enum core_access access);

/* The last reference to the buffer's dma-buf is gone. */
void core_release(struct core_buffer *buffer);

/* Heaps by name (H1): 0 or a negative errno. */
int core_register(struct swift_dma_heap *heap);
/* Its name is free again; nobody uses the heap. */
void core_unregister(struct swift_dma_heap *heap);
long core_ioctl(struct swift_dma_heap *heap, unsigned int command, unsigned long argument);

/* The worker's life. */
void core_work(void);

enum core_shrinker {
	CORE_SHRINKER_POOLS,
	CORE_SHRINKER_DEFERRED,
	CORE_SHRINKER_COUNT,
};

/* node: only memory that may be of that node, or CORE_ANY_NODE; what waits is of any. */
/* Pages that could be freed. */
unsigned long core_shrinker_count(enum core_shrinker shrinker, int node);
/* Pages freed, 0 when there was nothing to free. */
unsigned long core_shrinker_scan(enum core_shrinker shrinker, int node, unsigned long pages);

enum core_report {
	CORE_REPORT_POOLS,
	CORE_REPORT_ACCOUNTS,
	CORE_REPORT_HEAPS,
	CORE_REPORT_REGIONS,
	CORE_REPORT_COUNT,
};

void core_show(enum core_report report, struct seq_file *file);

/* Pools of other modules. A pool is a word that is never 0; 0 says that there are too many. */
unsigned long core_pool_create(unsigned int order);
void core_pool_destroy(unsigned long pool);
struct page *core_pool_take(unsigned long pool);
/* A new block, whatever the pool has. */
struct page *core_pool_allocate(unsigned long pool);
void core_pool_give(unsigned long pool, struct page *block);
void core_pool_release(unsigned long pool, struct page *block);
/* Pages in the pool, and in all pools of all users. */
unsigned long core_pool_pages(unsigned long pool);
unsigned long core_pools_total(void);

#endif
