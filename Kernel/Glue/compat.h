/* SPDX-License-Identifier: MIT */
/*
 * What differs between the kernels that the module is built for, 6.1 and later; nowhere else is a kernel
 * version looked at.
 */
#ifndef SWIFT_DMA_HEAPS_COMPAT_H
#define SWIFT_DMA_HEAPS_COMPAT_H

#include <linux/module.h>
#include <linux/shrinker.h>
#include <linux/version.h>

/* 6.13: the namespace is a string. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define COMPAT_IMPORT_DMA_BUF MODULE_IMPORT_NS("DMA_BUF")
#else
#define COMPAT_IMPORT_DMA_BUF MODULE_IMPORT_NS(DMA_BUF)
#endif

/* 6.7: shrinkers are allocated by the kernel. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define COMPAT_ALLOCATED_SHRINKERS
#endif

/* 6.11: what a platform driver returns from its removal, which nobody looked at. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define COMPAT_REMOVE void
#define COMPAT_REMOVED
#else
#define COMPAT_REMOVE int
#define COMPAT_REMOVED 0
#endif

/* 6.16: what there was a kind of memory for is asked for by flags. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define COMPAT_MOVABLE_RANGE ACR_FLAGS_NONE
#define COMPAT_CMA_RANGE ACR_FLAGS_CMA
#else
#define COMPAT_MOVABLE_RANGE MIGRATE_MOVABLE
#ifdef CONFIG_CMA
#define COMPAT_CMA_RANGE MIGRATE_CMA
#else
#define COMPAT_CMA_RANGE MIGRATE_MOVABLE
#endif
#endif

#endif
