// SPDX-License-Identifier: MIT

#define _GNU_SOURCE

#include "CTestSupport.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

// MARK: Files

int test_set_attribute(int descriptor) {
  return fsetxattr(descriptor, "user.mark", "x", 1, 0);
}

int test_make_immutable(int descriptor) {
  int flags = FS_IMMUTABLE_FL;
  return ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
}

int test_add_seal(int descriptor, int seal) { return fcntl(descriptor, F_ADD_SEALS, seal); }

int test_get_seals(int descriptor) { return fcntl(descriptor, F_GET_SEALS); }

long test_sendfile(int socket, int descriptor, long count) {
  off_t offset = 0;
  return sendfile(socket, descriptor, &offset, (size_t)count);
}

long test_splice(int descriptor, int pipe, long count) {
  off_t offset = 0;
  return splice(descriptor, &offset, pipe, NULL, (size_t)count, 0);
}

long test_vmsplice(const void *address, int pipe, long count) {
  struct iovec part = {.iov_base = (void *)address, .iov_len = (size_t)count};
  return vmsplice(pipe, &part, 1, 0);
}

int test_open_path(int descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return open(path, O_PATH | O_CLOEXEC);
}

int test_set_pipe_size(int pipe, int byte_count) { return fcntl(pipe, F_SETPIPE_SZ, byte_count); }

void test_close_from(int lowest) {
  for (int descriptor = lowest; descriptor < 4096; descriptor++) close(descriptor);
}

int test_set_file_size_limit(long byte_count) {
  struct rlimit limit = {.rlim_cur = (rlim_t)byte_count, .rlim_max = RLIM_INFINITY};
  return setrlimit(RLIMIT_FSIZE, &limit);
}

// MARK: io_uring

static struct {
  struct io_uring_params params;
  char *submissions, *completions;
  struct io_uring_sqe *entries;
  void *buffer;
} ring_state;

int test_ring_register(void *address, long count) {
  struct io_uring_params *params = &ring_state.params;
  memset(params, 0, sizeof *params);
  int ring = (int)syscall(SYS_io_uring_setup, 4, params);
  if (ring < 0) return -1;
  size_t size = params->sq_off.array + params->sq_entries * sizeof(unsigned);
  size_t other = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
  if (other > size) size = other;
  ring_state.submissions = ring_state.completions =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  ring_state.entries = mmap(NULL, params->sq_entries * sizeof(struct io_uring_sqe),
                            PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
  ring_state.buffer = address;
  struct iovec part = {.iov_base = address, .iov_len = (size_t)count};
  if (ring_state.submissions == MAP_FAILED || ring_state.entries == MAP_FAILED ||
      syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1) != 0) {
    int saved = errno;
    close(ring);
    errno = saved;
    return -1;
  }
  return ring;
}

int test_ring_fill(int ring, unsigned char value, long count) {
  int source = memfd_create("source", 0);
  char *bytes = malloc((size_t)count);
  memset(bytes, value, (size_t)count);
  long written = write(source, bytes, (size_t)count);
  free(bytes);
  if (written != count) return -1;
  struct io_uring_params *params = &ring_state.params;
  unsigned *tail = (unsigned *)(ring_state.submissions + params->sq_off.tail);
  unsigned *array = (unsigned *)(ring_state.submissions + params->sq_off.array);
  unsigned index = *tail & *(unsigned *)(ring_state.submissions + params->sq_off.ring_mask);
  ring_state.entries[index] = (struct io_uring_sqe){.opcode = IORING_OP_READ_FIXED,
                                                    .fd = source,
                                                    .addr = (unsigned long)ring_state.buffer,
                                                    .len = (unsigned)count};
  array[index] = index;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  long done = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
  unsigned *head = (unsigned *)(ring_state.completions + params->cq_off.head);
  struct io_uring_cqe *results =
      (struct io_uring_cqe *)(ring_state.completions + params->cq_off.cqes);
  int result = results[*head & *(unsigned *)(ring_state.completions + params->cq_off.ring_mask)].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  close(source);
  if (done != 1) return -1;
  if (result < 0) errno = -result;
  return result == count ? 0 : -1;
}
