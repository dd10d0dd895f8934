// SPDX-License-Identifier: MIT
/* The trace events' definitions, and how the core reaches them: a call and a skipped jump while nobody listens. */
#include <linux/types.h>

#define CREATE_TRACE_POINTS
#include "heap_events.h"

void glue_trace_pool_hit(enum core_kind kind, unsigned long pages)
{
	trace_pool_hit(kind, pages);
}

void glue_trace_pool_miss(enum core_kind kind, unsigned long pages)
{
	trace_pool_miss(kind, pages);
}

void glue_trace_pool_refill(enum core_kind kind, unsigned long pages)
{
	trace_pool_refill(kind, pages);
}

void glue_trace_buffer_defer(enum core_kind kind, unsigned long pages)
{
	trace_buffer_defer(kind, pages);
}

void glue_trace_block_zero(enum core_kind kind, unsigned long pages)
{
	trace_block_zero(kind, pages);
}
