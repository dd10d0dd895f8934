// SPDX-License-Identifier: MIT
//
// What tests need and Swift does not offer: fork, sealing, and messages that nobody should send.

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

// Makes a memfd that is sealed, `seals` being F_SEAL_*. Returns its descriptor, or -1.
int test_sealed_memfd(long byte_count, int seals);

// Sends bytes and any number of copies of a descriptor over a Unix socket. Returns the bytes sent, or -1.
long test_send_descriptors(
    int socket, const void *bytes, unsigned long byte_count, int descriptor, int copies);

#endif
