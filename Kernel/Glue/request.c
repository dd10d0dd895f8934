// SPDX-License-Identifier: MIT
/* Requests: what the core does with a caller's memory and descriptors (H3). */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/uaccess.h>

#include "internal.h"

unsigned long glue_copy_from_user(void *to, unsigned long from, unsigned long size)
{
	return copy_from_user(to, (const void __user *)from, size);
}

unsigned long glue_copy_to_user(unsigned long to, const void *from, unsigned long size)
{
	return copy_to_user((void __user *)to, from, size);
}

int glue_reserve_descriptor(unsigned int flags)
{
	return get_unused_fd_flags(flags);
}

void glue_cancel_descriptor(int descriptor)
{
	put_unused_fd(descriptor);
}

void glue_install_descriptor(int descriptor, struct dma_buf *buffer)
{
	fd_install(descriptor, buffer->file);
}

void glue_drop(struct dma_buf *buffer)
{
	dma_buf_put(buffer);
}
