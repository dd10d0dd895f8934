// SPDX-License-Identifier: MIT
/*
 * Devices that see a copy of memory, as one behind a cache would that no hardware keeps coherent: a sync that is
 * missing, or of the wrong device, loses data at once. An address of theirs is that of the copy.
 */
#include <linux/dma-map-ops.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>

#include "internal.h"

#if HAS_COPYING_DEVICES

#define COPYING_DEVICES 2

/* What a device finds in a copy that nobody has filled. */
#define NOISE 0xD5

static struct {
	struct device *device;
	struct copying_counts counts;
	bool fails;
} states[COPYING_DEVICES];

static unsigned int number_of(struct device *device)
{
	return device == states[0].device ? 0 : 1;
}

static void *copy_of(struct scatterlist *entry)
{
	return (void *)(uintptr_t)sg_dma_address(entry);
}

static void forget(struct scatterlist *entry)
{
	vfree(copy_of(entry));
	sg_dma_address(entry) = 0;
	sg_dma_len(entry) = 0;
}

static int copying_map(struct device *device, struct scatterlist *entries, int count,
		       enum dma_data_direction direction, unsigned long attributes)
{
	bool fails = xchg(&states[number_of(device)].fails, false);
	struct scatterlist *entry, *made;
	int index, last;

	for_each_sg(entries, entry, count, index) {
		/* The last one fails, so that there is something to undo. */
		void *copy = fails && index == count - 1 ? NULL : vmalloc(entry->length);

		if (!copy)
			goto undo;
		sg_dma_address(entry) = (dma_addr_t)(uintptr_t)copy;
		sg_dma_len(entry) = entry->length;
		if (direction == DMA_FROM_DEVICE)
			memset(copy, NOISE, entry->length);
		else
			memcpy(copy, sg_virt(entry), entry->length);
	}
	return count;

undo:
	for_each_sg(entries, made, index, last)
		forget(made);
	return -ENOMEM;
}

static void copying_unmap(struct device *device, struct scatterlist *entries, int count,
			  enum dma_data_direction direction, unsigned long attributes)
{
	struct scatterlist *entry;
	int index;

	for_each_sg(entries, entry, count, index) {
		if (direction != DMA_TO_DEVICE)
			memcpy(sg_virt(entry), copy_of(entry), entry->length);
		forget(entry);
	}
}

static void copying_sync_for_cpu(struct device *device, struct scatterlist *entries, int count,
				 enum dma_data_direction direction)
{
	struct copying_counts *counts = &states[number_of(device)].counts;
	struct scatterlist *entry;
	int index;

	counts->syncs_for_cpu++;
	if (!copy_of(entries)) {
		counts->stray_syncs++;
		return;
	}
	if (direction != DMA_TO_DEVICE)
		for_each_sg(entries, entry, count, index)
			memcpy(sg_virt(entry), copy_of(entry), entry->length);
}

static void copying_sync_for_device(struct device *device, struct scatterlist *entries, int count,
				    enum dma_data_direction direction)
{
	struct copying_counts *counts = &states[number_of(device)].counts;
	struct scatterlist *entry;
	int index;

	counts->syncs_for_device++;
	if (!copy_of(entries)) {
		counts->stray_syncs++;
		return;
	}
	if (direction != DMA_FROM_DEVICE)
		for_each_sg(entries, entry, count, index)
			memcpy(copy_of(entry), sg_virt(entry), entry->length);
}

static int copying_supports(struct device *device, u64 mask)
{
	return 1;
}

static const struct dma_map_ops copying_operations = {
	.map_sg = copying_map,
	.unmap_sg = copying_unmap,
	.sync_sg_for_cpu = copying_sync_for_cpu,
	.sync_sg_for_device = copying_sync_for_device,
	.dma_supported = copying_supports,
};

void copying_adopt(struct device *device, unsigned int number)
{
	states[number].device = device;
	set_dma_ops(device, &copying_operations);
}

struct copying_counts copying_counts(unsigned int number)
{
	return states[number].counts;
}

void copying_fail_next(unsigned int number)
{
	states[number].fails = true;
}

#else

void copying_adopt(struct device *device, unsigned int number)
{
}

struct copying_counts copying_counts(unsigned int number)
{
	return (struct copying_counts) {};
}

void copying_fail_next(unsigned int number)
{
}

#endif
