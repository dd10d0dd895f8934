/* SPDX-License-Identifier: MIT */
/*
 * The border between the module's two languages, as far as limits and accounts go (A2, A3); see glue.h,
 * whose rules hold here, too.
 */
#ifndef SWIFT_DMA_HEAPS_LIMITS_H
#define SWIFT_DMA_HEAPS_LIMITS_H

#ifndef __KERNEL__
#include <stdbool.h>
#endif

/* What the core asks of the kernel. */

/* Whom the calling thread's buffers are charged to: a uid of the initial user namespace. */
unsigned int glue_charged_user(void);
/* And for which process they are counted: a tgid of the initial pid namespace. */
unsigned int glue_charged_process(void);

/* What a limit holds together. */
enum core_holder {
	CORE_HOLDER_EVERYBODY,
	CORE_HOLDER_USER,
	/* Those for whom there was no entry. */
	CORE_HOLDER_OTHERS,
};

struct core_refusal {
	enum core_holder holder;
	unsigned int user;	/* who asked; the holder, if that is a user */
	unsigned long held;	/* pages, by the holder */
	unsigned long limit;	/* pages */
	unsigned long asked;	/* pages */
	unsigned long suppressed;	/* refusals of which no line was printed since the last */
	/* Who holds most, if anybody holds anything; else largest is 0. */
	enum core_holder largest_holder;
	unsigned int largest_user;
	unsigned long largest;
};

/* Prints a line; the core has decided that it is time for one. */
void glue_report_refusal(const struct core_refusal *refusal);

/* What the kernel's callbacks ask of the core. */

enum core_limit_of {
	CORE_LIMIT_OF_POOLS,	/* what all pools together keep, P4 */
	CORE_LIMIT_OF_ALL,	/* what all buffers have */
	CORE_LIMIT_OF_USER,	/* what one user's buffers have */
	CORE_LIMIT_OF_COUNT,
};

/* Pages; before anybody sets them they are what the core thinks good for this machine. */
unsigned long core_limit(enum core_limit_of which);
/*
 * Pools shrink to theirs. Buffers keep what they have: what comes is refused. Context: process; may sleep.
 */
void core_set_limit(enum core_limit_of which, unsigned long pages);

enum core_total_figure {
	CORE_TOTAL_POOLED,
	CORE_TOTAL_DEFERRED,
	CORE_TOTAL_HELD,
	CORE_TOTAL_PEAK,
};

/* Pages. Context: any; takes no lock. */
unsigned long core_total(enum core_total_figure which);

enum core_heap_figure_kind {
	CORE_HEAP_BUFFERS,
	CORE_HEAP_PAGES,
};

/* What a heap of the core's own has given out; nobody counts that of other modules' heaps. */
unsigned long core_heap_figure(void *own, enum core_heap_figure_kind which);

enum core_clients {
	CORE_CLIENTS_USERS,
	CORE_CLIENTS_PROCESSES,
};

struct core_holdings {
	/* Where to go on. */
	long position;
	bool are_others;
	unsigned int client;
	unsigned long pages;
	unsigned long buffers;
	unsigned long peak;
};

/* The next client after a position, -1 to begin with: false when there is none. Holds nothing in between. */
bool core_next_client(enum core_clients which, long after, struct core_holdings *found);

#endif
