// SPDX-License-Identifier: MIT
/* The devices that buffers are attached to. */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/platform_device.h>

#include "internal.h"

#define PLATFORM_DEVICES IMPORTER_EDU

static struct platform_device *devices[PLATFORM_DEVICES];

static bool is_copying(enum importer_device which)
{
	return which == IMPORTER_COPYING || which == IMPORTER_COPYING_OTHER;
}

int devices_start(void)
{
	for (unsigned int which = 0; which < PLATFORM_DEVICES; which++) {
		struct platform_device *device;
		int error;

		if (is_copying(which) && !HAS_COPYING_DEVICES)
			continue;
		device = platform_device_register_simple("importer", which, NULL, 0);
		if (IS_ERR(device)) {
			devices_stop();
			return PTR_ERR(device);
		}
		devices[which] = device;
		if (is_copying(which))
			copying_adopt(&device->dev, which - IMPORTER_COPYING);
		error = dma_set_mask_and_coherent(&device->dev, DMA_BIT_MASK(64));
		if (error) {
			devices_stop();
			return error;
		}
		dma_set_max_seg_size(&device->dev, UINT_MAX);
	}
	return 0;
}

void devices_stop(void)
{
	for (unsigned int which = 0; which < PLATFORM_DEVICES; which++) {
		if (devices[which])
			platform_device_unregister(devices[which]);
		devices[which] = NULL;
	}
}

struct device *devices_find(enum importer_device which)
{
	if (which == IMPORTER_EDU)
		return edu_device();
	if (which < PLATFORM_DEVICES && devices[which])
		return &devices[which]->dev;
	return NULL;
}

/* Platform devices sit on no bus that translates: unless they copy, theirs are physical addresses, of the memory
 * itself or of what the kernel bounces it through. */
void *devices_memory(enum importer_device which, dma_addr_t address)
{
	return is_copying(which) ? (void *)(uintptr_t)address : phys_to_virt(address);
}
