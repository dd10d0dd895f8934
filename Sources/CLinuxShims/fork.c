// SPDX-License-Identifier: MIT
//
// Which descriptors a forked child closes at once. A child would keep their memory, and could write to it.
//
// The table is read in the child of a process with threads, where nothing but async-signal-safe calls may
// be made: it is made of atomics, allocated before, and nothing in it is ever freed.

#define _GNU_SOURCE

#include "CLinuxShims.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_SIZE = 1024, CHUNK_COUNT = 4096 };

// Descriptors 1024 n to 1024 n + 1023: the inode of each, 0 where there is none to close.
static _Atomic(_Atomic uint64_t *) chunks[CHUNK_COUNT];

// One past the highest chunk in use.
static _Atomic int chunk_end;

// All memfds are files of one device.
static _Atomic uint64_t files_device;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void close_all(void) {
  int saved = errno;
  uint64_t device = atomic_load(&files_device);
  for (int chunk = 0; chunk < atomic_load(&chunk_end); chunk++) {
    _Atomic uint64_t *inodes = atomic_load(&chunks[chunk]);
    for (int index = 0; inodes != NULL && index < CHUNK_SIZE; index++) {
      uint64_t wanted = atomic_exchange_explicit(&inodes[index], 0, memory_order_relaxed);
      if (wanted == 0) continue;
      // The program may have closed it, and the number may be a file of its own by now.
      struct stat status;
      int descriptor = chunk * CHUNK_SIZE + index;
      if (fstat(descriptor, &status) == 0 && status.st_dev == device && status.st_ino == wanted)
        close(descriptor);
    }
  }
  errno = saved;
}

static void install(void) { pthread_atfork(NULL, NULL, close_all); }

int shim_close_in_child(int descriptor, uint64_t device, uint64_t inode) {
  int chunk = descriptor / CHUNK_SIZE;
  if (chunk >= CHUNK_COUNT) return 0;
  pthread_once(&once, install);
  _Atomic uint64_t *inodes = atomic_load(&chunks[chunk]);
  if (inodes == NULL) {
    _Atomic uint64_t *made = calloc(CHUNK_SIZE, sizeof *made);
    if (made == NULL) return -1;
    if (atomic_compare_exchange_strong(&chunks[chunk], &inodes, made)) {
      inodes = made;
      int end = atomic_load(&chunk_end);
      while (end <= chunk && !atomic_compare_exchange_weak(&chunk_end, &end, chunk + 1)) {
      }
    } else {
      free(made);
    }
  }
  atomic_store(&files_device, device);
  atomic_store_explicit(&inodes[descriptor % CHUNK_SIZE], inode, memory_order_release);
  return 0;
}

void shim_keep_in_child(int descriptor, uint64_t inode) {
  int chunk = descriptor / CHUNK_SIZE;
  if (chunk >= CHUNK_COUNT) return;
  _Atomic uint64_t *inodes = atomic_load(&chunks[chunk]);
  // Not what somebody has remembered since, of another file under the same number.
  if (inodes != NULL) atomic_compare_exchange_strong(&inodes[descriptor % CHUNK_SIZE], &inode, 0);
}
