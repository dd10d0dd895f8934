// SPDX-License-Identifier: MIT
//
// Counts stretches of code in which a thread made a system call, exactly and without a tracer:
// syscall user dispatch (Documentation/admin-guide/syscall-user-dispatch.rst) turns a system call
// into SIGSYS while a byte in memory says so. The handler counts, lets calls pass, and has the
// call made again.
//
// Sanitizers put their own handlers in front and make system calls of their own; nothing is trapped
// under them.

#define _GNU_SOURCE
#include "CMeasurement.h"

#include <errno.h>
#include <unistd.h>

void measurement_make_system_call(void) { (void)getppid(); }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define MEASUREMENT_WITHOUT_TRAP 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASUREMENT_WITHOUT_TRAP 1
#endif

#if defined(__linux__) && defined(__x86_64__) && !defined(MEASUREMENT_WITHOUT_TRAP)

#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#define SYSCALL_DISPATCH_FILTER_ALLOW 0
#define SYSCALL_DISPATCH_FILTER_BLOCK 1
#endif

static _Thread_local volatile unsigned char selector
    __attribute__((tls_model("initial-exec"))) = SYSCALL_DISPATCH_FILTER_ALLOW;
static _Thread_local volatile uint64_t trap_count __attribute__((tls_model("initial-exec")));

static void count_and_repeat(int signal, siginfo_t *information, void *context) {
  (void)signal;
  (void)information;
  trap_count += 1;
  // Before returning: rt_sigreturn is a system call too.
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;
  // The kernel restored the registers of the call; `syscall` is two bytes long.
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] -= 2;
}

int measurement_trap_begin(void) {
  struct sigaction action = {.sa_sigaction = count_and_repeat, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGSYS, &action, NULL) != 0) return errno;
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;
  trap_count = 0;
  if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) != 0) return errno;
  return 0;
}

void measurement_trap_end(void) {
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;
  (void)prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
  // The handler stays: it belongs to the process, and another thread may be armed.
}

void measurement_trap_arm(void) { selector = SYSCALL_DISPATCH_FILTER_BLOCK; }
void measurement_trap_disarm(void) { selector = SYSCALL_DISPATCH_FILTER_ALLOW; }
uint64_t measurement_trap_count(void) { return trap_count; }

#else

int measurement_trap_begin(void) { return ENOSYS; }
void measurement_trap_end(void) {}
void measurement_trap_arm(void) {}
void measurement_trap_disarm(void) {}
uint64_t measurement_trap_count(void) { return 0; }

#endif
