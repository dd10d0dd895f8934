// SPDX-License-Identifier: MIT

#define _GNU_SOURCE

#include "CTestSupport.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int test_fork(int (*body)(void *), void *context) {
  pid_t process = fork();
  if (process == 0) _exit(body(context));
  return process;
}

int test_fork_holder(int release_descriptor, int close_in_child) {
  pid_t process = fork();
  if (process != 0) return process;
  close(close_in_child);
  char byte;
  while (read(release_descriptor, &byte, 1) != 0) {
  }
  _exit(0);
}

int test_wait(int process) {
  int status;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int test_fork_as(unsigned user, int (*body)(void *), void *context) {
  pid_t process = fork();
  if (process == 0) _exit(setuid(user) == 0 ? body(context) : 125);
  return process;
}

int test_count_memfds(const char *name) {
  int count = 0;
  size_t name_length = strlen(name);
  for (int number = 0; number < 1024; number++) {
    char link[32] = "/proc/self/fd/", digits[8], target[64];
    size_t end = strlen(link), digit_count = 0;
    for (int rest = number; digit_count == 0 || rest > 0; rest /= 10) digits[digit_count++] = '0' + rest % 10;
    while (digit_count > 0) link[end++] = digits[--digit_count];
    link[end] = 0;
    ssize_t length = readlink(link, target, sizeof target);
    if (length >= (ssize_t)(7 + name_length) && memcmp(target, "/memfd:", 7) == 0
        && memcmp(target + 7, name, name_length) == 0)
      count++;
  }
  return count;
}

int test_count_mappings(const char *name) {
  static char text[1 << 20];
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return -1;
  size_t length = 0;
  for (;;) {
    ssize_t more = read(maps, text + length, sizeof text - 1 - length);
    if (more <= 0) break;
    length += more;
  }
  close(maps);
  text[length] = 0;
  int count = 0;
  size_t name_length = strlen(name);
  for (char *found = text; (found = strstr(found, "/memfd:")) != NULL; found += 7)
    if (strncmp(found + 7, name, name_length) == 0) count++;
  return count;
}

int test_sealed_memfd(long byte_count, int seals) {
  int file = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return -1;
  if (ftruncate(file, byte_count) != 0 || fcntl(file, F_ADD_SEALS, seals) != 0) {
    close(file);
    return -1;
  }
  return file;
}

long test_send_descriptors(
    int socket, const void *bytes, unsigned long byte_count, int descriptor, int copies) {
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = byte_count};
  char control[CMSG_SPACE(253 * sizeof(int))];
  memset(control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (copies > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(copies * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(copies * sizeof(int));
    for (int copy = 0; copy < copies; copy++) {
      memcpy(CMSG_DATA(header) + copy * sizeof(int), &descriptor, sizeof(int));
    }
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}
