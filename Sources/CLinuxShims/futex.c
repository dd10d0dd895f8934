// SPDX-License-Identifier: MIT
//
// Waiting for a word of this process's memory to change, futex(2). errno is left as it was: locks are taken and
// let go of on paths whose callers look at it.

#include "CLinuxShims.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void shim_futex_wait(const uint32_t *word, uint32_t expected) {
  int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
  errno = saved;
}

void shim_futex_wake_one(const uint32_t *word) {
  int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  errno = saved;
}
