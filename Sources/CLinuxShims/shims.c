// SPDX-License-Identifier: MIT

#define _GNU_SOURCE

#include "CLinuxShims.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

_Static_assert(SHIM_RLIMIT_AS == RLIMIT_AS && SHIM_RLIMIT_NOFILE == RLIMIT_NOFILE, "limits");
_Static_assert(SHIM_F_SETSIG == F_SETSIG && SHIM_F_SETLEASE == F_SETLEASE, "fcntl commands");
_Static_assert(SHIM_IN_CLOSE == IN_CLOSE && SHIM_IN_Q_OVERFLOW == IN_Q_OVERFLOW, "inotify masks");

// MARK: Descriptors

int shim_memfd_create(const char *name) {
  return (int)syscall(SYS_memfd_create, name, 1U /* MFD_CLOEXEC */);
}

int shim_open(const char *path, int flags) { return open(path, flags); }

int shim_fcntl_int(int descriptor, int command, int argument) {
  return fcntl(descriptor, command, argument);
}

int shim_ioctl(int descriptor, uint32_t command, void *arguments) {
  return ioctl(descriptor, (unsigned long)command, arguments);
}

int shim_fallocate(int descriptor, int mode, int64_t offset, int64_t length) {
  return fallocate(descriptor, mode, offset, length);
}

int shim_inotify_init(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }

int shim_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int shim_connect_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, length);
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
  }
  return descriptor;
}

const char *shim_secure_getenv(const char *name) { return secure_getenv(name); }

int shim_poll(struct pollfd *descriptors, int count, int64_t timeout) {
  struct timespec limit = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
  return ppoll(descriptors, (nfds_t)count, timeout < 0 ? NULL : &limit, NULL);
}

// MARK: Threads

int shim_set_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

int shim_sem_clockwait(sem_t *semaphore, uint64_t deadline) {
  struct timespec time = {
      .tv_sec = (time_t)(deadline / 1000000000), .tv_nsec = (long)(deadline % 1000000000)};
  return sem_clockwait(semaphore, CLOCK_MONOTONIC, &time);
}

int shim_getcpu(void) { return sched_getcpu(); }

int shim_set_thread_nice(int nice_value) {
  return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice_value);
}

// MARK: Limits

int shim_getrlimit(int resource, uint64_t *soft, uint64_t *hard) {
  struct rlimit limit;
  int result = getrlimit(resource, &limit);
  *soft = limit.rlim_cur;
  *hard = limit.rlim_max;
  return result;
}

int shim_setrlimit(int resource, uint64_t soft, uint64_t hard) {
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  return setrlimit(resource, &limit);
}


// MARK: Zeroing

// Stores that go past the caches. `address` and `byte_count` are multiples of 64.
void shim_zero_nontemporal(void *address, size_t byte_count) {
#if defined(__x86_64__)
  __m128i zero = _mm_setzero_si128();
  char *end = (char *)address + byte_count;
  for (char *line = address; line < end; line += 64) {
    _mm_stream_si128((__m128i *)line, zero);
    _mm_stream_si128((__m128i *)(line + 16), zero);
    _mm_stream_si128((__m128i *)(line + 32), zero);
    _mm_stream_si128((__m128i *)(line + 48), zero);
  }
  _mm_sfence();
#else
  memset(address, 0, byte_count);
#endif
}

// MARK: Descriptor passing

// Sends one byte and one descriptor over a Unix socket. Returns 1, or -1 with errno set.
long shim_send_descriptor(int socket, int descriptor) {
  char byte = 0;
  struct iovec vector = {.iov_base = &byte, .iov_len = 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr alignment;
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

// Receives what shim_send_descriptor sent. Returns the descriptor, close-on-exec, or -1.
int shim_receive_descriptor(int socket) {
  char byte = 0;
  struct iovec vector = {.iov_base = &byte, .iov_len = 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr alignment;
  } control;
  struct msghdr message = {
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor;
  memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
  return descriptor;
}
