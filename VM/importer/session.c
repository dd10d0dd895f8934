// SPDX-License-Identifier: MIT
/*
 * An importer of dma-bufs for tests: whatever a driver does to a buffer, step by step as a program asks; see
 * importer.h.
 */
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

struct import {
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	enum dma_data_direction direction;
};

struct session {
	struct mutex lock;
	struct dma_buf *buffer;
	struct import imports[IMPORTER_DEVICES];
	struct iosys_map map;
	unsigned int maps;
};

static long get(struct session *session, const struct importer_request *request)
{
	struct dma_buf *buffer;

	if (session->buffer)
		return -EBUSY;
	buffer = dma_buf_get(request->descriptor);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	session->buffer = buffer;
	return 0;
}

static long attach(struct session *session, struct import *import, enum importer_device which)
{
	struct device *device = devices_find(which);
	struct dma_buf_attachment *attachment;

	if (!device)
		return -ENODEV;
	if (!session->buffer)
		return -EINVAL;
	if (import->attachment)
		return -EBUSY;
	attachment = dma_buf_attach(session->buffer, device);
	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	import->attachment = attachment;
	return 0;
}

static long detach(struct session *session, struct import *import)
{
	if (!import->attachment)
		return -EINVAL;
	if (import->table)
		return -EBUSY;
	dma_buf_detach(session->buffer, import->attachment);
	import->attachment = NULL;
	return 0;
}

static long map(struct import *import, struct importer_request *request)
{
	struct sg_table *table;

	if (!import->attachment || request->direction > DMA_FROM_DEVICE)
		return -EINVAL;
	if (import->table)
		return -EBUSY;
	if (request->fails) {
		if (request->device < IMPORTER_COPYING || request->device >= IMPORTER_EDU)
			return -EINVAL;
		copying_fail_next(request->device - IMPORTER_COPYING);
	}
	table = map_attachment(import->attachment, request->direction);
	if (IS_ERR(table))
		return PTR_ERR(table);
	import->table = table;
	import->direction = request->direction;
	request->entries = table->orig_nents;
	return 0;
}

static long unmap(struct import *import)
{
	if (!import->table)
		return -EINVAL;
	unmap_attachment(import->attachment, import->table, import->direction);
	import->table = NULL;
	return 0;
}

/* Where in memory a byte of what is mapped is. */
static long locate(struct import *import, struct importer_request *request)
{
	u64 skipped = request->offset;
	struct scatterlist *entry;
	unsigned int index;

	if (!import->table)
		return -EINVAL;
	for_each_sgtable_sg(import->table, entry, index) {
		if (skipped < entry->length) {
			request->address = sg_phys(entry) + skipped;
			return 0;
		}
		skipped -= entry->length;
	}
	return -ENXIO;
}

static long count(struct importer_request *request)
{
	struct copying_counts counts;

	if (request->device < IMPORTER_COPYING || request->device >= IMPORTER_EDU)
		return -EINVAL;
	if (!devices_find(request->device))
		return -ENODEV;
	counts = copying_counts(request->device - IMPORTER_COPYING);
	request->syncs_for_cpu = counts.syncs_for_cpu;
	request->syncs_for_device = counts.syncs_for_device;
	request->stray_syncs = counts.stray_syncs;
	return 0;
}

static long kernel_map(struct session *session, struct importer_request *request)
{
	struct iosys_map map = {};
	long error;

	if (!session->buffer)
		return -EINVAL;
	error = map_buffer(session->buffer, &map);
	if (error)
		return error;
	session->map = map;
	session->maps++;
	request->address = (uintptr_t)map.vaddr;
	return 0;
}

static long kernel_unmap(struct session *session)
{
	struct iosys_map map = session->map;

	if (!session->maps)
		return -EINVAL;
	session->maps--;
	unmap_buffer(session->buffer, &map);
	return 0;
}

static long transfer(struct session *session, struct import *import, unsigned int command,
		     const struct importer_request *request)
{
	switch (command) {
	case IMPORTER_DEVICE_READ:
	case IMPORTER_DEVICE_WRITE:
		if (!import->table)
			return -EINVAL;
		return transfer_by_device(request->device, import->table, request,
					  command == IMPORTER_DEVICE_WRITE);
	default:
		if (!session->maps)
			return -EINVAL;
		return transfer_by_cpu(session->map.vaddr, session->buffer->size, request,
				       command == IMPORTER_VMAP_WRITE);
	}
}

static long begin_or_end(struct session *session, unsigned int command,
			 const struct importer_request *request)
{
	if (!session->buffer || request->direction > DMA_FROM_DEVICE)
		return -EINVAL;
	if (command == IMPORTER_BEGIN)
		return dma_buf_begin_cpu_access(session->buffer, request->direction);
	return dma_buf_end_cpu_access(session->buffer, request->direction);
}

static long perform(struct session *session, unsigned int command, struct importer_request *request)
{
	struct import *import;

	if (request->device >= IMPORTER_DEVICES)
		return -ENODEV;
	import = &session->imports[request->device];
	switch (command) {
	case IMPORTER_GET: return get(session, request);
	case IMPORTER_ATTACH: return attach(session, import, request->device);
	case IMPORTER_DETACH: return detach(session, import);
	case IMPORTER_MAP: return map(import, request);
	case IMPORTER_UNMAP: return unmap(import);
	case IMPORTER_LOCATE: return locate(import, request);
	case IMPORTER_COUNTS: return count(request);
	case IMPORTER_VMAP: return kernel_map(session, request);
	case IMPORTER_VUNMAP: return kernel_unmap(session);
	case IMPORTER_DEVICE_READ:
	case IMPORTER_DEVICE_WRITE:
	case IMPORTER_VMAP_READ:
	case IMPORTER_VMAP_WRITE: return transfer(session, import, command, request);
	case IMPORTER_BEGIN:
	case IMPORTER_END: return begin_or_end(session, command, request);
	default: return -ENOTTY;
	}
}

static long session_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct session *session = file->private_data;
	void __user *memory = (void __user *)argument;
	struct importer_request request;
	long error;

	if (copy_from_user(&request, memory, sizeof(request)))
		return -EFAULT;
	mutex_lock(&session->lock);
	error = perform(session, command, &request);
	mutex_unlock(&session->lock);
	if (!error && copy_to_user(memory, &request, sizeof(request)))
		return -EFAULT;
	return error;
}

static int session_open(struct inode *inode, struct file *file)
{
	struct session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	mutex_init(&session->lock);
	file->private_data = session;
	return 0;
}

static int session_close(struct inode *inode, struct file *file)
{
	struct session *session = file->private_data;

	for (unsigned int which = 0; which < IMPORTER_DEVICES; which++) {
		unmap(&session->imports[which]);
		detach(session, &session->imports[which]);
	}
	while (session->maps)
		kernel_unmap(session);
	if (session->buffer)
		dma_buf_put(session->buffer);
	kfree(session);
	return 0;
}

static const struct file_operations session_operations = {
	.owner = THIS_MODULE,
	.open = session_open,
	.release = session_close,
	.unlocked_ioctl = session_ioctl,
};

static struct miscdevice importer = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "importer",
	.fops = &session_operations,
};

static int __init importer_init(void)
{
	int error = devices_start();

	if (error)
		return error;
	error = edu_start();
	if (error)
		goto no_edu;
	error = misc_register(&importer);
	if (error)
		goto no_node;
	return 0;

no_node:
	edu_stop();
no_edu:
	devices_stop();
	return error;
}

static void __exit importer_exit(void)
{
	misc_deregister(&importer);
	edu_stop();
	devices_stop();
}

module_init(importer_init);
module_exit(importer_exit);
MODULE_DESCRIPTION("Imports dma-bufs as programs ask, for tests");
MODULE_LICENSE("GPL");
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif
