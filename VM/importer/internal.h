/* SPDX-License-Identifier: MIT */
/* What the importer's files know of each other, and what differs between kernels. */
#ifndef IMPORTER_INTERNAL_H
#define IMPORTER_INTERNAL_H

#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/version.h>

#include "importer.h"

/* 6.2: the framework takes the reservation lock for those who do not. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define map_attachment dma_buf_map_attachment_unlocked
#define unmap_attachment dma_buf_unmap_attachment_unlocked
#define map_buffer dma_buf_vmap_unlocked
#define unmap_buffer dma_buf_vunmap_unlocked
#else
#define map_attachment dma_buf_map_attachment
#define unmap_attachment dma_buf_unmap_attachment
#define map_buffer dma_buf_vmap
#define unmap_buffer dma_buf_vunmap
#endif

/* The kernel lets a device have its own way of mapping. */
#if IS_ENABLED(CONFIG_DMA_OPS) || IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS)
#define HAS_COPYING_DEVICES 1
#else
#define HAS_COPYING_DEVICES 0
#endif

/* devices.c */
int devices_start(void);
void devices_stop(void);
/* NULL when the machine has none. */
struct device *devices_find(enum importer_device which);
/* Where the CPU has what a device has at an address; not for devices that copy by themselves. */
void *devices_memory(enum importer_device which, dma_addr_t address);

/* copying.c */
struct copying_counts {
	u32 syncs_for_cpu;
	u32 syncs_for_device;
	u32 stray_syncs;
};
void copying_adopt(struct device *device, unsigned int number);
struct copying_counts copying_counts(unsigned int number);
void copying_fail_next(unsigned int number);

/* edu.c: a driver for QEMU's device, of which one is used. */
int edu_start(void);
void edu_stop(void);
struct device *edu_device(void);
/* A part of a page of the device's, to or from a page of ours. Takes tenths of a second. */
int edu_transfer(dma_addr_t address, void *memory, size_t size, bool is_write);

/* transfer.c */
long transfer_by_device(enum importer_device which, struct sg_table *table,
			const struct importer_request *request, bool is_write);
long transfer_by_cpu(void *address, size_t size, const struct importer_request *request,
		     bool is_write);

#endif
