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
#define SHIM_F_GET_SEALS 1034
#define SHIM_F_SEAL_SHRINK 0x0002
#define SHIM_DMA_BUF_MAGIC 0x444d4142
#define SHIM_FALLOC_PUNCH_HOLE (0x01 | 0x02)  // with FALLOC_FL_KEEP_SIZE
#define SHIM_IN_CLOSE (0x08 | 0x10)
#define SHIM_IN_Q_OVERFLOW 0x4000
#define SHIM_F_ADD_SEALS 1033
#define SHIM_F_GET_SEALS 1034
#define SHIM_F_DUPFD_CLOEXEC 1030
#define SHIM_SEALS_OF_LENGTH 0x7  // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW
#define SHIM_FS_IOC_GETFLAGS 0x80086601u
#define SHIM_MAP_POPULATE 0x8000
#define SHIM_MADV_REMOVE 9
#define SHIM_MADV_DONTFORK 10
#define SHIM_MADV_HUGEPAGE 14
#define SHIM_MADV_COLLAPSE 25
#define SHIM_MADV_WIPEONFORK 18
#define SHIM_MADV_POPULATE_READ 22
#define SHIM_MADV_POPULATE_WRITE 23
#define SHIM_RLIMIT_NOFILE 7
#define SHIM_RLIMIT_AS 9

// MARK: Descriptors

// A file that can be sealed, and not executed where the kernel knows of that (6.3).
int shim_memfd_create(const char *name);

int shim_open(const char *path, int flags);
int shim_fcntl_int(int descriptor, int command, int argument);
int shim_ioctl(int descriptor, uint32_t command, void *arguments);
int shim_fallocate(int descriptor, int mode, int64_t offset, int64_t length);
int shim_inotify_init(void);
// Bytes of the names of a file's extended attributes.
long shim_attribute_names_size(int descriptor);

// MARK: Futexes

// Returns when the word is not `expected`, somebody wakes its waiters, a signal came, or for no reason.
void shim_futex_wait(const uint32_t *word, uint32_t expected);
void shim_futex_wake_one(const uint32_t *word);

// Tells the processor that this thread looks at a word again and again.
static inline void shim_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield" ::: "memory");
#endif
}

// MARK: Fork

// No child is forked between these two, by any thread: between making a descriptor and remembering it, or while
// it is forgotten. Holding fails (-1, ENOMEM) where there is no memory to be told of forks.
int shim_hold_forks(void);
void shim_let_forks(void);

// Has a child forked from this process close a descriptor, if it is still that file; the child must not
// keep the file. Remembering fails (-1, ENOMEM) where there is no memory for it. One that is closed is forgotten
// afterwards, while forks are held.
int shim_close_in_child(int descriptor, uint64_t device, uint64_t inode);
void shim_keep_in_child(int descriptor, uint64_t inode);

// The same of one whose file nobody has looked at: the child closes whatever the number stands for.
int shim_close_new_in_child(int descriptor);
void shim_keep_new_in_child(int descriptor);

// The `f_type` of the file system that the file is on, or -1.
int64_t shim_file_system_type(int descriptor);
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

#define SHIM_MOST_DESCRIPTORS 253  // in one message, SCM_MAX_FD

// Sends bytes and one descriptor as one message over a Unix socket, without SIGPIPE. Returns the bytes
// sent, or -1.
long shim_send_message(int socket, const void *bytes, size_t byte_count, int descriptor);

// Receives one message. All descriptors that came along are the caller's, and close-on-exec; there is room
// for SHIM_MOST_DESCRIPTORS. `flags` are MSG_TRUNC and MSG_CTRUNC. Returns the bytes received, or -1.
long shim_receive_message(
    int socket, void *bytes, size_t byte_count, int *descriptors, int *descriptor_count, int *flags);

// Sends one byte and one descriptor over a Unix socket. Returns 1, or -1 with errno set.
long shim_send_descriptor(int socket, int descriptor);

// Receives what shim_send_descriptor sent. Returns the descriptor, close-on-exec, or -1.
int shim_receive_descriptor(int socket);

#endif
