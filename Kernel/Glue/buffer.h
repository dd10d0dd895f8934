/* SPDX-License-Identifier: MIT */
#ifndef SWIFT_DMA_HEAPS_BUFFER_H
#define SWIFT_DMA_HEAPS_BUFFER_H

#include <linux/dma-buf.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>

#include "internal.h"

/* A place in the list of live buffers: a buffer's, or that of somebody who reads the list. */
struct list_place {
	struct list_head siblings;
	bool is_reader;
};

struct heap_buffer {
	struct core_buffer core;
	/* One entry for each block; does not change while the buffer is exported. */
	struct sg_table table;
	/* The table's only entry, if the buffer is one block. */
	struct scatterlist single;
	/* Bytes. */
	size_t size;

	/* Guards what follows, up to the address. */
	struct mutex lock;
	struct list_head attachments;
	unsigned int address_users;
	void *address;

	/* For the report. */
	struct list_place live;
	struct dma_buf *exported;
	const char *heap_name;
	unsigned long made_at;
	pid_t maker;
	char maker_name[TASK_COMM_LEN];
};

static inline struct heap_buffer *heap_buffer(struct core_buffer *core)
{
	return container_of(core, struct heap_buffer, core);
}

/* buffer_operations.c */
extern const struct dma_buf_ops buffer_operations;

/* buffer_list.c */
void buffer_list_add(struct heap_buffer *buffer);
void buffer_list_remove(struct heap_buffer *buffer);

/* The last reference is gone. */
void buffer_released(struct heap_buffer *buffer);

#endif
