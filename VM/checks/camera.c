// SPDX-License-Identifier: MIT
//
// A V4L2 driver as importer, V4L2_MEMORY_DMABUF: the driver `vivid` paints into buffers of the heap, and
// shows buffers of the heap. No process can write to what it paints into, so all that the heap knows of the
// writing is what the driver did.
//
//   gcc -O2 -static -o camera camera.c
//
// usage: camera NODE

#include "client.h"

#include <linux/videodev2.h>

enum { buffer_count = 2, rounds = 6 };

// The first node of vivid's that can do this, or -1.
static int find(unsigned capability) {
  for (int number = 0; number < 16; number++) {
    char path[32];
    snprintf(path, sizeof(path), "/dev/video%d", number);
    int device = open(path, O_RDWR | O_CLOEXEC);
    if (device < 0) continue;
    struct v4l2_capability found;
    if (ioctl(device, VIDIOC_QUERYCAP, &found) == 0 && found.device_caps & capability &&
        strcmp((char *)found.driver, "vivid") == 0)
      return device;
    close(device);
  }
  return -1;
}

// The bytes of a frame.
static size_t set_format(int device, enum v4l2_buf_type type) {
  struct v4l2_format format = {.type = type};
  require(ioctl(device, VIDIOC_G_FMT, &format) == 0, "VIDIOC_G_FMT");
  format.fmt.pix.width = 640;
  format.fmt.pix.height = 360;
  format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
  format.fmt.pix.bytesperline = 0;
  require(ioctl(device, VIDIOC_S_FMT, &format) == 0, "VIDIOC_S_FMT");
  return format.fmt.pix.sizeimage;
}

static void request(int device, enum v4l2_buf_type type, unsigned count) {
  struct v4l2_requestbuffers request = {.count = count, .type = type, .memory = V4L2_MEMORY_DMABUF};
  require(ioctl(device, VIDIOC_REQBUFS, &request) == 0, "VIDIOC_REQBUFS for %u", count);
  require(request.count >= count, "VIDIOC_REQBUFS: %u of %u buffers", request.count, count);
}

// Has the driver go once through all buffers. What it shows last it keeps until there is another, or the end.
static void stream(int device, enum v4l2_buf_type type, const int *buffers, size_t frame) {
  request(device, type, buffer_count);
  for (unsigned index = 0; index < buffer_count; index++) {
    struct v4l2_buffer queued = {.index = index,
                                 .type = type,
                                 .memory = V4L2_MEMORY_DMABUF,
                                 .m.fd = buffers[index],
                                 .length = (unsigned)frame,
                                 .bytesused = (unsigned)frame};
    require(ioctl(device, VIDIOC_QBUF, &queued) == 0, "VIDIOC_QBUF");
  }
  int wanted = (int)type;
  require(ioctl(device, VIDIOC_STREAMON, &wanted) == 0, "VIDIOC_STREAMON");
  unsigned kept = type == V4L2_BUF_TYPE_VIDEO_OUTPUT ? 1 : 0;
  for (unsigned index = kept; index < buffer_count; index++) {
    struct v4l2_buffer done = {.type = type, .memory = V4L2_MEMORY_DMABUF};
    require(ioctl(device, VIDIOC_DQBUF, &done) == 0, "VIDIOC_DQBUF");
    require(!(done.flags & V4L2_BUF_FLAG_ERROR), "a frame has an error");
  }
  require(ioctl(device, VIDIOC_STREAMOFF, &wanted) == 0, "VIDIOC_STREAMOFF");
  request(device, type, 0);
}

static void capture(const char *node) {
  int device = find(V4L2_CAP_VIDEO_CAPTURE);
  require(device >= 0, "vivid has no camera");
  int input = 0;
  require(ioctl(device, VIDIOC_S_INPUT, &input) == 0, "VIDIOC_S_INPUT");
  size_t frame = set_format(device, V4L2_BUF_TYPE_VIDEO_CAPTURE);
  for (int round = 0; round < rounds; round++) {
    int buffers[buffer_count];
    unsigned char *frames[buffer_count];
    for (int index = 0; index < buffer_count; index++) {
      buffers[index] = allocate(node, frame, O_RDONLY);
      frames[index] = map(buffers[index], frame, PROT_READ);
      long dirty = first_dirty(frames[index], frame);
      require(dirty < 0, "round %d: byte %ld of a new buffer is not zero", round, dirty);
    }
    stream(device, V4L2_BUF_TYPE_VIDEO_CAPTURE, buffers, frame);
    for (int index = 0; index < buffer_count; index++) {
      begin_or_end(buffers[index], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
      // YUYV has no picture in which half a line is zero: black is 16 and 128.
      for (size_t offset = 0; offset + 640 <= frame; offset += 640)
        require(first_dirty(frames[index] + offset, 640) >= 0, "nothing was painted at %zu", offset);
      begin_or_end(buffers[index], DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
      munmap(frames[index], frame);
      close(buffers[index]);
    }
  }
  close(device);
}

static void show(const char *node) {
  int device = find(V4L2_CAP_VIDEO_OUTPUT);
  require(device >= 0, "vivid has no output");
  size_t frame = set_format(device, V4L2_BUF_TYPE_VIDEO_OUTPUT);
  int buffers[buffer_count];
  for (int index = 0; index < buffer_count; index++) {
    buffers[index] = allocate(node, frame, O_RDWR);
    void *bytes = map(buffers[index], frame, PROT_READ | PROT_WRITE);
    begin_or_end(buffers[index], DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
    memset(bytes, 0x80, frame);
    begin_or_end(buffers[index], DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
    munmap(bytes, frame);
  }
  stream(device, V4L2_BUF_TYPE_VIDEO_OUTPUT, buffers, frame);
  for (int index = 0; index < buffer_count; index++) close(buffers[index]);
  close(device);
}

int main(int count, char **arguments) {
  require(count == 2, "usage: camera NODE");
  capture(arguments[1]);
  show(arguments[1]);
  printf("ok camera %s\n", arguments[1]);
  return 0;
}
