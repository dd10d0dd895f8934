// SPDX-License-Identifier: MIT
/* Locks and threads. */
#include <linux/cache.h>
#include <linux/delay.h>
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "internal.h"

/* The series asks for idle priority. */
#define WORKER_NICE 19

/* Each in a line of its own: they are what CPUs write most. */
struct ranked_lock {
	spinlock_t lock;
	unsigned int rank;
} ____cacheline_aligned;

void *glue_make_lock(unsigned int rank)
{
	struct ranked_lock *lock = kmalloc(sizeof(*lock), GFP_KERNEL | __GFP_NOFAIL);

	spin_lock_init(&lock->lock);
	lock->rank = rank;
	return lock;
}

void glue_destroy_lock(void *lock)
{
	kfree(lock);
}

void glue_lock(void *opaque)
{
	struct ranked_lock *lock = opaque;

	spin_lock_nested(&lock->lock, lock->rank);
}

void glue_unlock(void *opaque)
{
	struct ranked_lock *lock = opaque;

	spin_unlock(&lock->lock);
}

unsigned int glue_current_cpu(void)
{
	return raw_smp_processor_id();
}

bool glue_caller_must_stop(void)
{
	/*
	 * A task is signalled when it is to die or to freeze: what is asked for each block is that one flag.
	 * freezing() begins with a static key, which the kernel patches whenever the system goes to sleep, while
	 * others run it; an emulator that translates code may run the breakpoint once too often.
	 */
	return signal_pending(current) && (fatal_signal_pending(current) || freezing(current));
}

int glue_interruption(void)
{
	/* Only a system call can be begun again. */
	if (fatal_signal_pending(current) || current->flags & PF_KTHREAD)
		return -EINTR;
	/*
	 * Whoever is frozen has been signalled, but may have lost the signal since: without one, the kernel's own
	 * number would be returned to user space.
	 */
	return restart_syscall();
}

void glue_relax(void)
{
	schedule_timeout_uninterruptible(1);
}

void glue_let_others_run(bool may_freeze)
{
	cond_resched();
	if (may_freeze)
		try_to_freeze();
}

unsigned long long glue_now(void)
{
	return ktime_get_ns();
}

static struct task_struct *worker;
static DECLARE_WAIT_QUEUE_HEAD(worker_queue);
static bool worker_is_wanted;

static int swift_heap_worker(void *unused)
{
	set_freezable();
	core_work();
	return 0;
}

int worker_start(void)
{
	struct task_struct *task = kthread_create(swift_heap_worker, NULL, MODULE_NAME);

	if (IS_ERR(task))
		return PTR_ERR(task);
	set_user_nice(task, WORKER_NICE);
	worker = task;
	wake_up_process(task);
	return 0;
}

void worker_stop(void)
{
	kthread_stop(worker);
}

void glue_wake_worker(void)
{
	WRITE_ONCE(worker_is_wanted, true);
	wake_up(&worker_queue);
}

bool glue_worker_must_stop(void)
{
	return kthread_should_stop();
}

void glue_worker_yield(void)
{
	/* Other modules' objects have their turn after each of the core's. */
	deferred_work();
	glue_let_others_run(true);
}

void glue_worker_sleep(unsigned long long deadline)
{
	u64 now = ktime_get_ns();
	long timeout = MAX_SCHEDULE_TIMEOUT;

	/* Then there is no time to sleep; what comes after this look wakes. */
	if (deferred_work()) {
		glue_let_others_run(true);
		return;
	}
	if (deadline != U64_MAX)
		timeout = deadline > now ? nsecs_to_jiffies(deadline - now) + 1 : 1;
	wait_event_freezable_timeout(worker_queue,
				     READ_ONCE(worker_is_wanted) || kthread_should_stop(),
				     timeout);
	WRITE_ONCE(worker_is_wanted, false);
}
