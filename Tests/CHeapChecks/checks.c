// SPDX-License-Identifier: MIT

#define _GNU_SOURCE

#include "CHeapChecks.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int checks_ioctl(int descriptor, uint32_t command, void *argument) {
  return ioctl(descriptor, command, argument);
}

long checks_vmsplice(int pipe, void *address, size_t byte_count) {
  struct iovec vector = {.iov_base = address, .iov_len = byte_count};
  return vmsplice(pipe, &vector, 1, SPLICE_F_NONBLOCK);
}

long checks_read_by_page(void *target, void *source, size_t byte_count) {
  struct iovec here = {.iov_base = target, .iov_len = byte_count};
  struct iovec there = {.iov_base = source, .iov_len = byte_count};
  return process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

void *checks_mremap(void *address, size_t old_byte_count, size_t new_byte_count) {
  return mremap(address, old_byte_count, new_byte_count, MREMAP_MAYMOVE);
}

void *checks_move(void *address, size_t byte_count, void *target) {
  return mremap(address, byte_count, byte_count, MREMAP_MAYMOVE | MREMAP_FIXED, target);
}

int checks_load_module(int descriptor, const char *parameters) {
  return (int)syscall(SYS_finit_module, descriptor, parameters, 0);
}

int checks_unload_module(const char *name) {
  return (int)syscall(SYS_delete_module, name, O_NONBLOCK);
}

int checks_bind(int thread, int first, int count) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  for (int index = first; index < first + count; index++) CPU_SET(index, &processors);
  return sched_setaffinity(thread, sizeof(processors), &processors);
}

int checks_set_nice(int nice_value) { return setpriority(PRIO_PROCESS, 0, nice_value); }
