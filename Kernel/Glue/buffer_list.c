// SPDX-License-Identifier: MIT
/*
 * The live buffers, and the report that has a line for each.
 *
 * A reader of the report has a place in the list, which stands before the next buffer to be shown. To move on it
 * copies one buffer's line and steps over that buffer, and only for that it holds the lock: buffers come and go
 * while lines are printed, and a long list keeps nobody waiting.
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <uapi/linux/dma-buf.h>

#include "buffer.h"

static DEFINE_SPINLOCK(live_lock);
static LIST_HEAD(live_buffers);

void buffer_list_add(struct heap_buffer *buffer)
{
	buffer->live.is_reader = false;
	spin_lock(&live_lock);
	list_add_tail(&buffer->live.siblings, &live_buffers);
	spin_unlock(&live_lock);
}

void buffer_list_remove(struct heap_buffer *buffer)
{
	spin_lock(&live_lock);
	list_del(&buffer->live.siblings);
	spin_unlock(&live_lock);
}

/* What a line tells; what it points to outlives every buffer. */
struct line {
	const char *heap_name;
	size_t size;
	unsigned int age;
	pid_t maker;
	char maker_name[TASK_COMM_LEN];
	char name[DMA_BUF_NAME_LEN];
};

struct reader {
	struct list_place place;
	/* The number of the line below, counted from 1; 0 before the first. */
	loff_t number;
	struct line line;
};

static void copy_line(struct line *line, struct heap_buffer *buffer)
{
	struct dma_buf *exported = buffer->exported;

	line->heap_name = buffer->heap_name;
	line->size = buffer->size;
	line->age = jiffies_to_msecs(jiffies - buffer->made_at);
	line->maker = buffer->maker;
	strscpy(line->maker_name, buffer->maker_name, sizeof(line->maker_name));
	/* The name is whatever a client has set it to, at any moment. */
	spin_lock(&exported->name_lock);
	strscpy(line->name, exported->name ?: "", sizeof(line->name));
	spin_unlock(&exported->name_lock);
}

/* To the next buffer: false when there is none. */
static bool step(struct reader *reader)
{
	struct list_head *place = &reader->place.siblings;
	struct list_place *next = &reader->place;
	bool is_there = false;

	spin_lock(&live_lock);
	list_for_each_entry_continue(next, &live_buffers, siblings) {
		if (next->is_reader)
			continue;
		copy_line(&reader->line, container_of(next, struct heap_buffer, live));
		list_move(place, &next->siblings);
		reader->number++;
		is_there = true;
		break;
	}
	spin_unlock(&live_lock);
	return is_there;
}

static void rewind(struct reader *reader)
{
	spin_lock(&live_lock);
	list_move(&reader->place.siblings, &live_buffers);
	spin_unlock(&live_lock);
	reader->number = 0;
}

/* Line 0 is the head line. Whoever reads on gets the next line, or the last one again if it did not fit. */
static void *buffers_start(struct seq_file *file, loff_t *position)
{
	struct reader *reader = file->private;

	if (*position == 0)
		return SEQ_START_TOKEN;
	if (*position < reader->number)
		rewind(reader);
	while (reader->number < *position)
		if (!step(reader))
			return NULL;
	return reader;
}

static void *buffers_next(struct seq_file *file, void *unused, loff_t *position)
{
	struct reader *reader = file->private;

	if (++*position == 1)
		rewind(reader);
	return step(reader) ? reader : NULL;
}

static void buffers_stop(struct seq_file *file, void *unused)
{
}

/* A word that is nothing but one word, whatever it was: other bytes in octal, and nothing as '-'. */
static void put_word(struct seq_file *file, const char *text)
{
	if (!*text) {
		seq_putc(file, '-');
		return;
	}
	if (!strcmp(text, "-")) {
		seq_puts(file, "\\055");
		return;
	}
	for (; *text; text++) {
		unsigned char byte = *text;

		if (byte > ' ' && byte < 0x7f && byte != '\\')
			seq_putc(file, byte);
		else
			seq_printf(file, "\\%03o", byte);
	}
}

static int buffers_show(struct seq_file *file, void *position)
{
	struct reader *reader = file->private;
	struct line *line = &reader->line;

	if (position == SEQ_START_TOKEN) {
		seq_puts(file, "heap bytes age_ms pid command name\n");
		return 0;
	}
	put_word(file, line->heap_name);
	seq_printf(file, " %zu %u %d ", line->size, line->age, line->maker);
	put_word(file, line->maker_name);
	seq_putc(file, ' ');
	put_word(file, line->name);
	seq_putc(file, '\n');
	return 0;
}

static const struct seq_operations buffers_operations = {
	.start = buffers_start,
	.next = buffers_next,
	.stop = buffers_stop,
	.show = buffers_show,
};

static int buffers_open(struct inode *inode, struct file *file)
{
	struct reader *reader = __seq_open_private(file, &buffers_operations, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->place.is_reader = true;
	spin_lock(&live_lock);
	list_add(&reader->place.siblings, &live_buffers);
	spin_unlock(&live_lock);
	return 0;
}

static int buffers_close(struct inode *inode, struct file *file)
{
	struct seq_file *lines = file->private_data;
	struct reader *reader = lines->private;

	spin_lock(&live_lock);
	list_del(&reader->place.siblings);
	spin_unlock(&live_lock);
	return seq_release_private(inode, file);
}

const struct file_operations buffer_list_operations = {
	.owner = THIS_MODULE,
	.open = buffers_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = buffers_close,
};
