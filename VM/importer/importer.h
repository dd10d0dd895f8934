/* SPDX-License-Identifier: MIT */
/*
 * What a program asks of /dev/importer. Each open file is one importer of one buffer, with at most one
 * attachment for each device, and gives back whatever it holds when it is closed.
 *
 * Every operation is an ioctl with the same structure; what an operation does not name it ignores. They fail
 * with EINVAL when the step before is missing, EBUSY when this one was made already, ENODEV when the machine
 * has no such device; else with what the exporter or the framework said.
 */
#ifndef IMPORTER_H
#define IMPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum importer_device {
	/* See memory itself. */
	IMPORTER_PLAIN,
	IMPORTER_PLAIN_OTHER,
	/* See a copy, which mapping, unmapping and syncing bring up to date; see copying.c. */
	IMPORTER_COPYING,
	IMPORTER_COPYING_OTHER,
	/* A bus master of QEMU's, if it is there. */
	IMPORTER_EDU,
	IMPORTER_DEVICES
};

struct importer_request {
	__u32 device;
	/* A dma-buf. */
	__s32 descriptor;
	/* 0 both, 1 to the device, 2 from the device, as the kernel counts. */
	__u32 direction;
	/* The device's next mapping fails. */
	__u32 fails;
	/* A part of the buffer, and the caller's memory. */
	__u64 offset;
	__u64 length;
	__u64 memory;
	/* Results. */
	__u64 address;
	__u32 syncs_for_cpu;
	__u32 syncs_for_device;
	/* Syncs of what is not mapped. */
	__u32 stray_syncs;
	__u32 entries;
};

#define IMPORTER_OPERATION(number) _IOWR('i', number, struct importer_request)

/* descriptor: the buffer, for all that follows. */
#define IMPORTER_GET IMPORTER_OPERATION(0)
/* device */
#define IMPORTER_ATTACH IMPORTER_OPERATION(1)
#define IMPORTER_DETACH IMPORTER_OPERATION(2)
/* device, direction, fails -> entries */
#define IMPORTER_MAP IMPORTER_OPERATION(3)
/* device */
#define IMPORTER_UNMAP IMPORTER_OPERATION(4)
/* device, offset, length, memory: by the addresses that the device has. */
#define IMPORTER_DEVICE_READ IMPORTER_OPERATION(5)
#define IMPORTER_DEVICE_WRITE IMPORTER_OPERATION(6)
/* device, offset -> address: where the CPU has that byte of what is mapped. */
#define IMPORTER_LOCATE IMPORTER_OPERATION(7)
/* device -> the counts of the device's syncs */
#define IMPORTER_COUNTS IMPORTER_OPERATION(8)
/* -> address; each needs an end of its own. */
#define IMPORTER_VMAP IMPORTER_OPERATION(9)
#define IMPORTER_VUNMAP IMPORTER_OPERATION(10)
/* offset, length, memory: through the mapping. */
#define IMPORTER_VMAP_READ IMPORTER_OPERATION(11)
#define IMPORTER_VMAP_WRITE IMPORTER_OPERATION(12)
/* direction */
#define IMPORTER_BEGIN IMPORTER_OPERATION(13)
#define IMPORTER_END IMPORTER_OPERATION(14)

#endif
