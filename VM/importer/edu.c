// SPDX-License-Identifier: MIT
/*
 * A driver for QEMU's device `edu`, which has a page of its own and moves it to and from memory: a bus master that
 * writes, behind an IOMMU where the machine has one. QEMU's docs/specs/edu describes it.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>
#include <linux/pci.h>

#include "internal.h"

#if IS_ENABLED(CONFIG_PCI)

/* Registers. */
#define EDU_SOURCE 0x80
#define EDU_TARGET 0x88
#define EDU_COUNT 0x90
#define EDU_COMMAND 0x98

#define EDU_START 1
/* Else from memory to the device. */
#define EDU_TO_MEMORY 2

/* Where the device has its page, as it counts. */
#define EDU_PAGE 0x40000

static struct {
	struct pci_dev *device;
	void __iomem *registers;
	/* What goes to the device's page and comes from there goes through this. */
	void *page;
	dma_addr_t page_address;
} edu;

static int edu_move(u64 from, u64 to, size_t size, u64 direction)
{
	u64 command;

	writeq(from, edu.registers + EDU_SOURCE);
	writeq(to, edu.registers + EDU_TARGET);
	writeq(size, edu.registers + EDU_COUNT);
	writeq(EDU_START | direction, edu.registers + EDU_COMMAND);
	return readq_poll_timeout(edu.registers + EDU_COMMAND, command, !(command & EDU_START), 1000,
				  10 * USEC_PER_SEC);
}

int edu_transfer(dma_addr_t address, void *memory, size_t size, bool is_write)
{
	int error;

	if (is_write) {
		memcpy(edu.page, memory, size);
		error = edu_move(edu.page_address, EDU_PAGE, size, 0);
		return error ?: edu_move(EDU_PAGE, address, size, EDU_TO_MEMORY);
	}
	error = edu_move(address, EDU_PAGE, size, 0) ?:
		edu_move(EDU_PAGE, edu.page_address, size, EDU_TO_MEMORY);
	if (!error)
		memcpy(memory, edu.page, size);
	return error;
}

static int edu_probe(struct pci_dev *device, const struct pci_device_id *identity)
{
	int error;

	if (edu.device)
		return -EBUSY;
	error = pcim_enable_device(device);
	if (error)
		return error;
	/* As many bits as the device has. */
	error = dma_set_mask_and_coherent(&device->dev, DMA_BIT_MASK(28));
	if (error)
		return error;
	pci_set_master(device);
	edu.registers = pcim_iomap(device, 0, 0);
	edu.page = dmam_alloc_coherent(&device->dev, PAGE_SIZE, &edu.page_address, GFP_KERNEL);
	if (!edu.registers || !edu.page)
		return -ENOMEM;
	dma_set_max_seg_size(&device->dev, UINT_MAX);
	edu.device = device;
	return 0;
}

static void edu_remove(struct pci_dev *device)
{
	edu.device = NULL;
}

static const struct pci_device_id edu_identities[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};

static struct pci_driver edu_driver = {
	.name = "importer-edu",
	.id_table = edu_identities,
	.probe = edu_probe,
	.remove = edu_remove,
};

int edu_start(void)
{
	return pci_register_driver(&edu_driver);
}

void edu_stop(void)
{
	pci_unregister_driver(&edu_driver);
}

struct device *edu_device(void)
{
	return edu.device ? &edu.device->dev : NULL;
}

#else

int edu_start(void)
{
	return 0;
}

void edu_stop(void)
{
}

struct device *edu_device(void)
{
	return NULL;
}

int edu_transfer(dma_addr_t address, void *memory, size_t size, bool is_write)
{
	return -ENODEV;
}

#endif
