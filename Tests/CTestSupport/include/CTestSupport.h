// SPDX-License-Identifier: MIT
//
// What tests need and Swift does not offer: fork.

#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

// Forks, calls `body` in the child, and exits the child with what it returns.
// Returns the child's process id, or -1.
int test_fork(int (*body)(void *context), void *context);

// Forks a child that holds copies of all descriptors until `release_descriptor` reads end of file.
// Returns the child's process id, or -1.
int test_fork_holder(int release_descriptor, int close_in_child);

// Waits for a child. Returns its exit status, or -1 when it did not exit.
int test_wait(int process);

#endif
