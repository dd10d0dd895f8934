// SPDX-License-Identifier: MIT
//
// Which descriptors a forked child closes at once. A child would keep their memory, and could write to it.
//
// The table is read in the child of a process with threads, where nothing but async-signal-safe calls may
// be made: it is made of atomics, allocated before, and nothing in it is ever freed.
//
// No child is made between the call that makes a descriptor and its entry into the table, and no entry is taken
// back while one is made: fork(2) copies descriptors first, memory later. Who makes or closes one is a reader of
// a lock, who forks a writer. They take turns (Brandenburg and Anderson's phase-fair ticket lock), so that
// neither many who fork nor many who make descriptors keep the other waiting for more than one turn.

#define _GNU_SOURCE

#include "CLinuxShims.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_SIZE = 1024, CHUNK_COUNT = 4096 };

// What stands for a file that was not looked at, because nobody has had the time to close it.
static const uint64_t UNSEEN = UINT64_MAX;

// Descriptors 1024 n to 1024 n + 1023: the inode of each, UNSEEN, or 0 where there is none to close.
static _Atomic(_Atomic uint64_t *) chunks[CHUNK_COUNT];

// One past the highest chunk in use.
static _Atomic int chunk_end;

// All memfds are files of one device.
static _Atomic uint64_t files_device;

// Who has begun to hold forks, and who has ended it: counts in steps of HOLDER, below which stand whether
// somebody forks, and a bit that is another one for each fork.
enum { HOLDER = 4, FORKING = 2, TURN = 1 };
static _Atomic unsigned holders, holders_done;
static _Atomic unsigned forks, forks_done;

// How often this thread holds forks: a signal's handler may fork meanwhile, and must not wait for itself.
static _Thread_local unsigned held_here;

static void nap(void) {
  struct timespec moment = {.tv_nsec = 20000};
  nanosleep(&moment, NULL);
}

static void before_fork(void) {
  int saved = errno;
  unsigned ticket = atomic_fetch_add(&forks, 1);
  while (atomic_load(&forks_done) != ticket) nap();
  unsigned before = atomic_fetch_add(&holders, FORKING | (ticket & TURN));
  while (before - atomic_load(&holders_done) > held_here * HOLDER) nap();
  errno = saved;
}

static void after_fork(void) {
  atomic_fetch_and(&holders, ~(unsigned)(FORKING | TURN));
  atomic_fetch_add(&forks_done, 1);
}

static void close_all(void) {
  // Of those who waited or held forks, this thread alone is here.
  atomic_store(&holders_done, 0);
  atomic_store(&holders, held_here * HOLDER);
  atomic_store(&forks_done, 0);
  atomic_store(&forks, 0);
  int saved = errno;
  uint64_t device = atomic_load(&files_device);
  for (int chunk = 0; chunk < atomic_load(&chunk_end); chunk++) {
    _Atomic uint64_t *inodes = atomic_load(&chunks[chunk]);
    for (int index = 0; inodes != NULL && index < CHUNK_SIZE; index++) {
      uint64_t wanted = atomic_exchange_explicit(&inodes[index], 0, memory_order_relaxed);
      if (wanted == 0) continue;
      int descriptor = chunk * CHUNK_SIZE + index;
      if (wanted == UNSEEN) {
        close(descriptor);
        continue;
      }
      // The program may have closed it, and the number may be a file of its own by now.
      struct stat status;
      if (fstat(descriptor, &status) == 0 && status.st_dev == device && status.st_ino == wanted)
        close(descriptor);
    }
  }
  errno = saved;
}

// Not pthread_once: where there was no memory for it, it is tried again.
static int heed_forks(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static _Atomic int heeded;
  if (atomic_load_explicit(&heeded, memory_order_acquire)) return 0;
  pthread_mutex_lock(&lock);
  if (!heeded && pthread_atfork(before_fork, after_fork, close_all) == 0) heeded = 1;
  pthread_mutex_unlock(&lock);
  return heeded ? 0 : -1;
}

int shim_hold_forks(void) {
  if (heed_forks() != 0) return -1;
  held_here++;
  unsigned turn = atomic_fetch_add(&holders, HOLDER) & (FORKING | TURN);
  if (turn == 0) return 0;
  int saved = errno;
  while ((atomic_load(&holders) & (FORKING | TURN)) == turn) nap();
  errno = saved;
  return 0;
}

void shim_let_forks(void) {
  atomic_fetch_add(&holders_done, HOLDER);
  held_here--;
}

// Enters a descriptor. Returns -1 where there is no memory for it.
static int enter(int descriptor, uint64_t inode) {
  int chunk = descriptor / CHUNK_SIZE;
  if (chunk >= CHUNK_COUNT) return 0;
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
  atomic_store_explicit(&inodes[descriptor % CHUNK_SIZE], inode, memory_order_release);
  return 0;
}

// Takes an entry back, but not what somebody has entered since, of another file under the same number.
static void forget(int descriptor, uint64_t inode) {
  int chunk = descriptor / CHUNK_SIZE;
  if (chunk >= CHUNK_COUNT) return;
  _Atomic uint64_t *inodes = atomic_load(&chunks[chunk]);
  if (inodes != NULL) atomic_compare_exchange_strong(&inodes[descriptor % CHUNK_SIZE], &inode, 0);
}

int shim_close_in_child(int descriptor, uint64_t device, uint64_t inode) {
  atomic_store(&files_device, device);
  return enter(descriptor, inode);
}

int shim_close_new_in_child(int descriptor) { return enter(descriptor, UNSEEN); }

void shim_keep_in_child(int descriptor, uint64_t inode) { forget(descriptor, inode); }

void shim_keep_new_in_child(int descriptor) { forget(descriptor, UNSEEN); }
