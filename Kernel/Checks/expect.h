/* SPDX-License-Identifier: MIT */
/* How a module says what does not hold: in the log, and by not being loaded. */
#ifndef SWIFT_DMA_HEAPS_CHECKS_EXPECT_H
#define SWIFT_DMA_HEAPS_CHECKS_EXPECT_H

#include <linux/printk.h>

static unsigned int expectations_failed;

#define EXPECT(condition, format, ...)                                                            \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			pr_err("FAILED " format " (%s:%d)\n", ##__VA_ARGS__, __func__, __LINE__); \
			expectations_failed++;                                                    \
		}                                                                                 \
	} while (0)

/* What a module's init returns after all of them. */
static inline int expectations(void)
{
	return expectations_failed ? -EINVAL : 0;
}

#endif
