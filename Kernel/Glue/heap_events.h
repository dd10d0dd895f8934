/* SPDX-License-Identifier: MIT */
/* What can be traced: /sys/kernel/tracing/events/swift_dma_heaps. The kernel reads this file several times. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM swift_dma_heaps

#if !defined(SWIFT_DMA_HEAPS_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define SWIFT_DMA_HEAPS_EVENTS_H

#include <linux/tracepoint.h>

#include "glue.h"

TRACE_DEFINE_ENUM(CORE_KIND_SYSTEM);
TRACE_DEFINE_ENUM(CORE_KIND_CONTIGUOUS);
TRACE_DEFINE_ENUM(CORE_KIND_OTHER);
TRACE_DEFINE_ENUM(CORE_KIND_REGION);
TRACE_DEFINE_ENUM(CORE_SHRINKER_POOLS);
TRACE_DEFINE_ENUM(CORE_SHRINKER_DEFERRED);

/* Something happens to so many pages of a kind of memory. */
DECLARE_EVENT_CLASS(pages_of_a_kind,
	TP_PROTO(enum core_kind kind, unsigned long pages),
	TP_ARGS(kind, pages),
	TP_STRUCT__entry(
		__field(unsigned int, kind)
		__field(unsigned long, pages)
	),
	TP_fast_assign(
		__entry->kind = kind;
		__entry->pages = pages;
	),
	TP_printk("heap=%s pages=%lu",
		  __print_symbolic(__entry->kind,
				   { CORE_KIND_SYSTEM, "system" },
				   { CORE_KIND_CONTIGUOUS, "system-contig" },
				   { CORE_KIND_OTHER, "other" },
				   { CORE_KIND_REGION, "region" }),
		  __entry->pages)
);

/* A block was in a pool; was in none; was got in advance; waits to be zeroed; is zeroed now. */
DEFINE_EVENT(pages_of_a_kind, pool_hit,
	TP_PROTO(enum core_kind kind, unsigned long pages), TP_ARGS(kind, pages));
DEFINE_EVENT(pages_of_a_kind, pool_miss,
	TP_PROTO(enum core_kind kind, unsigned long pages), TP_ARGS(kind, pages));
DEFINE_EVENT(pages_of_a_kind, pool_refill,
	TP_PROTO(enum core_kind kind, unsigned long pages), TP_ARGS(kind, pages));
DEFINE_EVENT(pages_of_a_kind, buffer_defer,
	TP_PROTO(enum core_kind kind, unsigned long pages), TP_ARGS(kind, pages));
DEFINE_EVENT(pages_of_a_kind, block_zero,
	TP_PROTO(enum core_kind kind, unsigned long pages), TP_ARGS(kind, pages));

/* A shrinker was asked for pages, by the kernel or by hand, and has freed some. */
TRACE_EVENT(pools_shrink,
	TP_PROTO(enum core_shrinker shrinker, unsigned long asked, unsigned long freed),
	TP_ARGS(shrinker, asked, freed),
	TP_STRUCT__entry(
		__field(unsigned int, shrinker)
		__field(unsigned long, asked)
		__field(unsigned long, freed)
	),
	TP_fast_assign(
		__entry->shrinker = shrinker;
		__entry->asked = asked;
		__entry->freed = freed;
	),
	TP_printk("shrinker=%s asked=%lu freed=%lu",
		  __print_symbolic(__entry->shrinker,
				   { CORE_SHRINKER_POOLS, "pools" },
				   { CORE_SHRINKER_DEFERRED, "deferred" }),
		  __entry->asked, __entry->freed)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE heap_events
#include <trace/define_trace.h>
