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
#include <sys/stat.h>
#include <sys/xattr.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

_Static_assert(SHIM_RLIMIT_AS == RLIMIT_AS && SHIM_RLIMIT_NOFILE == RLIMIT_NOFILE, "limits");
_Static_assert(SHIM_F_SETSIG == F_SETSIG && SHIM_F_SETLEASE == F_SETLEASE, "fcntl commands");
_Static_assert(SHIM_F_GET_SEALS == F_GET_SEALS && SHIM_F_SEAL_SHRINK == F_SEAL_SHRINK, "seals");
_Static_assert(SHIM_IN_CLOSE == IN_CLOSE && SHIM_IN_Q_OVERFLOW == IN_Q_OVERFLOW, "inotify masks");

// Newer than some C libraries (Linux 6.5).
#define SHIM_SCM_PIDFD 0x04

// MARK: Descriptors

int shim_memfd_create(const char *name) {
  enum { CLOEXEC = 1, ALLOW_SEALING = 2, NOEXEC_SEAL = 8 };
  int descriptor = (int)syscall(SYS_memfd_create, name, CLOEXEC | ALLOW_SEALING | NOEXEC_SEAL);
  if (descriptor >= 0 || errno != EINVAL) return descriptor;
  return (int)syscall(SYS_memfd_create, name, CLOEXEC | ALLOW_SEALING);
}

long shim_attribute_names_size(int descriptor) { return flistxattr(descriptor, NULL, 0); }

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

int64_t shim_file_system_type(int descriptor) {
  struct statfs status;
  return fstatfs(descriptor, &status) == 0 ? (int64_t)status.f_type : -1;
}

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

long shim_send_message(int socket, const void *bytes, size_t byte_count, int descriptor) {
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = byte_count};
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

long shim_receive_message(
    int socket, void *bytes, size_t byte_count, int *descriptors, int *descriptor_count, int *flags) {
  struct iovec vector = {.iov_base = bytes, .iov_len = byte_count};
  // Beside the descriptors there is room for what a socket may have been told to deliver: credentials, a
  // process descriptor, a security label, a time.
  union {
    char bytes[CMSG_SPACE(SHIM_MOST_DESCRIPTORS * sizeof(int)) + 1024];
    struct cmsghdr alignment;
  } control;
  struct msghdr message = {
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  *descriptor_count = 0;
  *flags = 0;
  long received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return received;
  *flags = message.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    size_t size = header->cmsg_len - CMSG_LEN(0);
    if (header->cmsg_type == SHIM_SCM_PIDFD && size >= sizeof(int)) {
      // Asked for by whoever made the socket, and of no use here.
      int process;
      memcpy(&process, CMSG_DATA(header), sizeof(int));
      if (process >= 0) close(process);
    } else if (header->cmsg_type == SCM_RIGHTS) {
      size_t count = size / sizeof(int);
      memcpy(descriptors + *descriptor_count, CMSG_DATA(header), count * sizeof(int));
      *descriptor_count += (int)count;
    }
  }
  return received;
}

long shim_send_descriptor(int socket, int descriptor) {
  char byte = 0;
  return shim_send_message(socket, &byte, 1, descriptor);
}

// What comes besides one descriptor is lost: between a program and itself.
int shim_receive_descriptor(int socket) {
  char byte = 0;
  int descriptors[SHIM_MOST_DESCRIPTORS];
  int count, flags;
  if (shim_receive_message(socket, &byte, 1, descriptors, &count, &flags) != 1) return -1;
  return count == 1 ? descriptors[0] : -1;
}
