// SPDX-License-Identifier: MIT
//
// What tests need and Swift does not offer: fork, what clients do to files, and messages that nobody should send.

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

// Forks, takes the user id `user` in the child, calls `body` there, and exits with what it returns.
int test_fork_as(unsigned user, int (*body)(void *context), void *context);

// Counts the descriptors below 1024 that are memfds whose name begins with `name`; may be called in a child of a
// process with threads.
int test_count_memfds(const char *name);

// Counts the mappings of such files, likewise.
int test_count_mappings(const char *name);

// MARK: What clients do to files. Each returns 0 or more, or -1 with errno set.

int test_set_attribute(int descriptor);
int test_make_immutable(int descriptor);
int test_add_seal(int descriptor, int seal);
int test_get_seals(int descriptor);

// The file's pages, `count` bytes of it from the start, into a socket or a pipe.
long test_sendfile(int socket, int descriptor, long count);
long test_splice(int descriptor, int pipe, long count);
long test_vmsplice(const void *address, int pipe, long count);

int test_open_path(int descriptor);
int test_set_pipe_size(int pipe, int byte_count);
void test_close_from(int lowest);
int test_set_file_size_limit(long byte_count);

// An io_uring with one registered buffer; -1 with ENOSYS or EPERM where the kernel has none for us.
int test_ring_register(void *address, long count);

// Has the ring write a byte, many times, to the start of its buffer, whoever has the memory now.
int test_ring_fill(int ring, unsigned char value, long count);

// Makes a memfd that is sealed, `seals` being F_SEAL_*. Returns its descriptor, or -1.
int test_sealed_memfd(long byte_count, int seals);

// Sends bytes and any number of copies of a descriptor over a Unix socket. Returns the bytes sent, or -1.
long test_send_descriptors(
    int socket, const void *bytes, unsigned long byte_count, int descriptor, int copies);

#endif
