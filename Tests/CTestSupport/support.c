// SPDX-License-Identifier: MIT

#include "CTestSupport.h"

#include <errno.h>
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
