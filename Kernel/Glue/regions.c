// SPDX-License-Identifier: MIT
/*
 * Regions that an administrator asks for where no device tree does: contiguous memory that is taken when the module
 * is loaded, and given back when it is unloaded.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

#define MOST_REGIONS 8

static char *region[MOST_REGIONS];
static unsigned int region_count;
module_param_array(region, charp, &region_count, 0444);
MODULE_PARM_DESC(region,
		 "name:size[:base], memory to set aside for a heap of that name, whose buffers are each one run of it (example: camera:64M)");

static char *chunk[MOST_REGIONS];
static unsigned int chunk_count;
module_param_array(chunk, charp, &chunk_count, 0444);
MODULE_PARM_DESC(chunk,
		 "name:size:alignment, memory to set aside for a heap of that name, whose buffers are made of chunks of the alignment's size (example: frames:256M:64K)");

static struct core_region regions[2 * MOST_REGIONS];
static unsigned int taken_count;

/* What a parameter says. */
struct wish {
	char *name;
	unsigned long long bytes;
	unsigned long long chunk_bytes;
	/* ULLONG_MAX: anywhere. */
	unsigned long long base;
};

/* One of the numbers that follow a name, with the suffixes that the kernel knows. */
static int read_number(char **rest, unsigned long long *number)
{
	char *text = strsep(rest, ":");
	char *end;

	if (!text || !*text)
		return -EINVAL;
	*number = memparse(text, &end);
	return *end ? -EINVAL : 0;
}

static int read_wish(const char *parameter, const char *text, bool is_chunked, struct wish *wish)
{
	char *rest = kstrdup(text, GFP_KERNEL);
	int error;

	*wish = (struct wish){ .name = rest, .base = ULLONG_MAX };
	if (!rest)
		return -ENOMEM;
	strsep(&rest, ":");
	error = *wish->name ? read_number(&rest, &wish->bytes) : -EINVAL;
	if (!error && is_chunked)
		error = read_number(&rest, &wish->chunk_bytes);
	else if (!error && rest)
		error = read_number(&rest, &wish->base);
	if (!error && (rest || (is_chunked && !wish->chunk_bytes)))
		error = -EINVAL;
	if (error)
		pr_err(MODULE_NAME ": %s: '%s' is not %s\n", parameter, text,
		       is_chunked ? "name:size:alignment" : "name:size[:base]");
	return error;
}

static int check(const char *parameter, const struct wish *wish)
{
	switch (core_check_region(wish->bytes, wish->chunk_bytes)) {
	case CORE_REGION_IS_FINE:
		break;
	case CORE_REGION_IS_NO_PAGES:
		pr_err(MODULE_NAME ": %s: '%s': %llu bytes are not one or more whole pages of %lu\n",
		       parameter, wish->name, wish->bytes, PAGE_SIZE);
		return -EINVAL;
	case CORE_REGION_CHUNK_IS_NO_POWER_OF_TWO:
		pr_err(MODULE_NAME ": %s: '%s': an alignment of %llu bytes is no power of two from %lu on\n",
		       parameter, wish->name, wish->chunk_bytes, PAGE_SIZE);
		return -EINVAL;
	case CORE_REGION_CHUNK_IS_TOO_LARGE:
		pr_err(MODULE_NAME ": %s: '%s': chunks of %llu bytes are larger than the region of %llu\n",
		       parameter, wish->name, wish->chunk_bytes, wish->bytes);
		return -EINVAL;
	case CORE_REGION_IS_TOO_LARGE:
		goto too_large;
	}
	if (wish->bytes > LARGEST_REGION)
		goto too_large;
	if (wish->base != ULLONG_MAX &&
	    (wish->base % PAGE_SIZE || wish->base > ULLONG_MAX - wish->bytes)) {
		pr_err(MODULE_NAME ": %s: '%s': no region begins at 0x%llx\n", parameter, wish->name,
		       wish->base);
		return -EINVAL;
	}
	return 0;

too_large:
	pr_err(MODULE_NAME ": %s: '%s': %llu bytes are more than a region can have, %llu\n", parameter,
	       wish->name, wish->bytes, LARGEST_REGION);
	return -EINVAL;
}

static int take(const char *parameter, const struct wish *wish)
{
	struct core_region *made = &regions[taken_count];
	unsigned long first = wish->base == ULLONG_MAX ? FRAMES_ANYWHERE : wish->base >> PAGE_SHIFT;
	unsigned long pages = wish->bytes >> PAGE_SHIFT;
	int error = frames_take(&first, pages, max(wish->chunk_bytes >> PAGE_SHIFT, 1ull));

	if (error == -EBUSY && wish->base != ULLONG_MAX)
		pr_err(MODULE_NAME ": %s: '%s': the memory from 0x%llx to 0x%llx cannot be had: some of it is no memory, or in use for good\n",
		       parameter, wish->name, wish->base, wish->base + wish->bytes);
	else if (error == -EBUSY)
		pr_err(MODULE_NAME ": %s: '%s': there are no %llu bytes in a row to be had, of %lu in all; ask sooner after the start, or for less\n",
		       parameter, wish->name, wish->bytes, totalram_pages() << PAGE_SHIFT);
	else if (error == -EOPNOTSUPP)
		pr_err(MODULE_NAME ": %s: '%s': this kernel gives memory in a row to nobody (CONFIG_CONTIG_ALLOC)\n",
		       parameter, wish->name);
	if (error)
		return error == -EBUSY ? -ENOMEM : error;
	*made = (struct core_region){
		.name = wish->name,
		.first_frame = first,
		.pages = pages,
		.chunk_bytes = wish->chunk_bytes,
	};
	taken_count++;
	pr_info(MODULE_NAME ": %s: '%s' has the memory from 0x%llx to 0x%llx\n", parameter, wish->name,
		(unsigned long long)PFN_PHYS(first), (unsigned long long)PFN_PHYS(first + pages));
	return 0;
}

static int take_all(const char *parameter, char *const *texts, unsigned int count, bool is_chunked)
{
	for (unsigned int index = 0; index < count; index++) {
		struct wish wish;
		int error = read_wish(parameter, texts[index], is_chunked, &wish);

		if (!error)
			error = check(parameter, &wish);
		if (!error)
			error = take(parameter, &wish);
		if (error) {
			kfree(wish.name);
			return error;
		}
	}
	return 0;
}

int regions_take(void)
{
	int error = take_all("region", region, region_count, false);

	if (!error)
		error = take_all("chunk", chunk, chunk_count, true);
	if (error)
		regions_give_back();
	return error;
}

void regions_give_back(void)
{
	while (taken_count > 0) {
		const struct core_region *last = &regions[--taken_count];

		frames_give_back(last->first_frame, last->pages);
		kfree(last->name);
	}
}

unsigned int regions_taken(const struct core_region **first)
{
	*first = regions;
	return taken_count;
}
