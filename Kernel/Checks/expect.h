/* SPDX-License-Identifier: MIT */
/*
 * How a module says what does not hold: in the log, and in its parameter 'failed'. It is loaded all the same: what
 * it handed out may refer to it for another moment.
 */
#ifndef SWIFT_DMA_HEAPS_CHECKS_EXPECT_H
#define SWIFT_DMA_HEAPS_CHECKS_EXPECT_H

#include <linux/moduleparam.h>
#include <linux/printk.h>

static unsigned int failed;
module_param(failed, uint, 0444);

#define EXPECT(condition, format, ...)                                                            \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			pr_err("FAILED " format " (%s:%d)\n", ##__VA_ARGS__, __func__, __LINE__); \
			failed++;                                                                 \
		}                                                                                 \
	} while (0)

#endif
