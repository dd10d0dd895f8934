// SPDX-License-Identifier: MIT
//
// Linux interfaces that Swift cannot see through Glibc's module: names behind _GNU_SOURCE, variadic
// calls, macros and intrinsics. Wrappers only, no logic; each returns what the call returns and
// leaves errno as it is.

#ifndef CLINUXSHIMS_H
#define CLINUXSHIMS_H

#include <poll.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>

#define SHIM_F_SETSIG 10
#define SHIM_F_SETLEASE 1024
#define SHIM_FALLOC_PUNCH_HOLE (0x01 | 0x02)  // with FALLOC_FL_KEEP_SIZE
#define SHIM_IN_CLOSE (0x08 | 0x10)
#define SHIM_IN_Q_OVERFLOW 0x4000
#define SHIM_MADV_DONTFORK 10
#define SHIM_MADV_WIPEONFORK 18
#define SHIM_MADV_POPULATE_READ 22
#define SHIM_MADV_POPULATE_WRITE 23
#define SHIM_RLIMIT_NOFILE 7
#define SHIM_RLIMIT_AS 9

// MARK: Descriptors

// Without MFD_ALLOW_SEALING: a seal that a client adds would outlive its use of the memory.
int shim_memfd_create(const char *name);

int shim_open(const char *path, int flags);
int shim_fcntl_int(int descriptor, int command, int argument);
int shim_ioctl(int descriptor, uint32_t command, void *arguments);
int shim_fallocate(int descriptor, int mode, int64_t offset, int64_t length);
int shim_inotify_init(void);
int shim_eventfd(void);

// Connects a stream socket, close-on-exec and not blocking. Returns its descriptor.
int shim_connect_unix(const char *path);

// What getenv returns, or NULL in a program that has more rights than its caller.
const char *shim_secure_getenv(const char *name);

// Waits without limit when `timeout` (nanoseconds) is negative.
int shim_poll(struct pollfd *descriptors, int count, int64_t timeout);

// MARK: Threads

int shim_getcpu(void);
int shim_set_thread_nice(int nice_value);

// Names the calling thread; at most 15 bytes.
int shim_set_thread_name(const char *name);

// Until CLOCK_MONOTONIC is at `deadline` (nanoseconds).
int shim_sem_clockwait(sem_t *semaphore, uint64_t deadline);

static inline uint32_t shim_load_volatile(const void *address) {
  return *(const volatile uint32_t *)address;
}

// MARK: Limits

int shim_getrlimit(int resource, uint64_t *soft, uint64_t *hard);
int shim_setrlimit(int resource, uint64_t soft, uint64_t hard);

// MARK: Zeroing

// Stores that go past the caches. `address` and `byte_count` are multiples of 64.
void shim_zero_nontemporal(void *address, size_t byte_count);

// MARK: Descriptor passing

// Sends one byte and one descriptor over a Unix socket. Returns 1, or -1 with errno set.
long shim_send_descriptor(int socket, int descriptor);

// Receives what shim_send_descriptor sent. Returns the descriptor, close-on-exec, or -1.
int shim_receive_descriptor(int socket);

#endif
