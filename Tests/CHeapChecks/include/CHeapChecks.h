// SPDX-License-Identifier: MIT
//
// What the checks of a kernel's heaps need and Swift cannot see: ioctl and its command numbers, and
// system calls that take variable arguments. Each returns what the call returns and leaves errno.

#ifndef CHEAPCHECKS_H
#define CHEAPCHECKS_H

#include <stddef.h>
#include <stdint.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>

// The importer's interface is kept with the module.
#include "importer.h"

// The directions of a command, as seen by the caller; both bits may be set.
#define CHECKS_WRITE _IOC_WRITE  // the caller's struct is read
#define CHECKS_READ _IOC_READ    // the caller's struct is written

static inline uint32_t checks_command(
    uint32_t direction, uint32_t type, uint32_t number, uint32_t byte_count) {
  return _IOC(direction, type, number, byte_count);
}

static inline uint32_t checks_importer_command(uint32_t number) {
  return IMPORTER_OPERATION(number);
}

static const uint32_t checks_sync_command = DMA_BUF_IOCTL_SYNC;
static const uint32_t checks_set_name_command = DMA_BUF_SET_NAME_B;

int checks_ioctl(int descriptor, uint32_t command, void *argument);

// Pins the memory in a pipe, as far as the kernel lets it.
long checks_vmsplice(int pipe, void *address, size_t byte_count);

// Reads memory of this process through the kernel, by the pages and not by the page table.
long checks_read_by_page(void *target, void *source, size_t byte_count);

// Moves when it has to. Returns MAP_FAILED on failure.
void *checks_mremap(void *address, size_t old_byte_count, size_t new_byte_count);

// Moves to `target`, in place of what is mapped there. Returns MAP_FAILED on failure.
void *checks_move(void *address, size_t byte_count, void *target);

int checks_load_module(int descriptor, const char *parameters);
int checks_unload_module(const char *name);

// Lets a thread, 0 for the calling one, run on `count` CPUs from `first` on, and on no others.
int checks_bind(int thread, int first, int count);

// The calling thread's.
int checks_set_nice(int nice_value);

#endif
