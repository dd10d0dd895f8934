// SPDX-License-Identifier: MIT
/*
 * Runs of page frames that are longer than any block of the page allocator, and any page's frame.
 *
 * The kernel gives such a run to whoever says where it is (alloc_contig_range), if everything there can be moved
 * away. Where is for us to find: from the end of the memory down, so that what lies low stays for devices that can
 * reach no more.
 */
#include <linux/gfp.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "internal.h"

/* Blocks' pages are counted on from the first one's. */
#if defined(CONFIG_SPARSEMEM) && !defined(CONFIG_SPARSEMEM_VMEMMAP)
#error "the pages of this kernel (SPARSEMEM without SPARSEMEM_VMEMMAP) do not lie in one row"
#endif

unsigned long glue_frame(struct page *page)
{
	return page_to_pfn(page);
}

struct page *glue_page(unsigned long frame)
{
	return pfn_to_page(frame);
}

int glue_frame_node(unsigned long frame)
{
	return page_to_nid(pfn_to_page(frame));
}

unsigned long glue_first_faulty(unsigned long frame, unsigned long end)
{
	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		return end;
	while (frame < end && !PageHWPoison(pfn_to_page(frame)))
		frame++;
	return frame;
}

/* Whether the kernel could ever let go of a page of that zone. */
static bool is_possible(unsigned long frame, const struct zone *zone)
{
	struct page *page = pfn_to_online_page(frame);

	return page && page_zone(page) == zone && !PageReserved(page) && !PageHWPoison(page);
}

/* The last frame of a run that is not possible, or ULONG_MAX. */
static unsigned long last_impossible(unsigned long first, unsigned long pages,
				     const struct zone *zone)
{
	for (unsigned long index = pages; index > 0; index--)
		if (!is_possible(first + index - 1, zone))
			return first + index - 1;
	return ULONG_MAX;
}

#ifdef CONFIG_CONTIG_ALLOC
static int take(unsigned long first, unsigned long pages)
{
	return alloc_contig_range(first, first + pages, COMPAT_MOVABLE_RANGE,
				  GFP_KERNEL | __GFP_NOWARN);
}

/* No process is killed for it. */
static int claim(unsigned long first, unsigned long pages)
{
	return alloc_contig_range(first, first + pages, COMPAT_CMA_RANGE,
				  GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

static void give_back(unsigned long first, unsigned long pages)
{
	free_contig_range(first, pages);
}
#else
static int claim(unsigned long first, unsigned long pages)
{
	return -EOPNOTSUPP;
}

static int take(unsigned long first, unsigned long pages)
{
	return -EOPNOTSUPP;
}

static void give_back(unsigned long first, unsigned long pages)
{
}
#endif

static int take_at(unsigned long first, unsigned long pages)
{
	struct page *page = pfn_to_online_page(first);

	if (!page || last_impossible(first, pages, page_zone(page)) != ULONG_MAX)
		return -EBUSY;
	return take(first, pages) ? -EBUSY : 0;
}

/* The highest run of the zone that can be had. */
static int take_in(const struct zone *zone, unsigned long *first, unsigned long pages,
		   unsigned long alignment)
{
	unsigned long end = zone_end_pfn(zone);

	while (end >= pages && ALIGN_DOWN(end - pages, alignment) >= zone->zone_start_pfn) {
		unsigned long candidate = ALIGN_DOWN(end - pages, alignment);
		unsigned long obstacle = last_impossible(candidate, pages, zone);

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		if (obstacle != ULONG_MAX) {
			end = obstacle;
			continue;
		}
		if (!take(candidate, pages)) {
			*first = candidate;
			return 0;
		}
		/* What stands in the way is somewhere in there. */
		end = candidate + pages - min(alignment, pages);
	}
	return -EBUSY;
}

static int take_anywhere(unsigned long *first, unsigned long pages, unsigned long alignment)
{
	int node;

	for_each_online_node(node) {
		/* What has been promised to be movable stays so. */
		for (int index = ZONE_NORMAL; index >= 0; index--) {
			struct zone *zone = &NODE_DATA(node)->node_zones[index];
			int error = populated_zone(zone) ? take_in(zone, first, pages, alignment) : -EBUSY;

			if (error != -EBUSY)
				return error;
		}
	}
	return -EBUSY;
}

bool glue_claim(unsigned long frame, unsigned long pages)
{
	/* Those who isolate parts of one block of pages are in each other's way. */
	static DEFINE_MUTEX(claims);
	int error;

	/* Who is being killed wants nothing any more, though more places could be tried. */
	if (mutex_lock_killable(&claims))
		return false;
	error = fatal_signal_pending(current) ? -EINTR : claim(frame, pages);
	mutex_unlock(&claims);
	if (error)
		return false;
	memory_zero_new(pfn_to_page(frame), pages);
	return true;
}

void glue_unclaim(unsigned long frame, unsigned long pages)
{
	frames_give_back(frame, pages);
}

int frames_take(unsigned long *first, unsigned long pages, unsigned long alignment)
{
	int error = !IS_ENABLED(CONFIG_CONTIG_ALLOC) ? -EOPNOTSUPP :
		    *first == FRAMES_ANYWHERE ?
			    take_anywhere(first, pages, max(alignment, pageblock_nr_pages)) :
			    take_at(*first, pages);

	if (!error)
		memory_zero_new(pfn_to_page(*first), pages);
	return error;
}

void frames_give_back(unsigned long first, unsigned long pages)
{
	/* In pieces, so that others get their turn. */
	while (pages > 0) {
		unsigned long piece = min(pages, pageblock_nr_pages);

		give_back(first, piece);
		first += piece;
		pages -= piece;
		cond_resched();
	}
}
