// SPDX-License-Identifier: MIT
//
// A DRM driver as importer: buffers of the heap become a framebuffer of QEMU's cirrus card, which the kernel
// copies to the card's memory through a mapping of its own. What arrives there is read from the card.
//
//   gcc -O2 -static -idirafter /usr/include/libdrm -o display display.c
//
// usage: display NODE

#include "client.h"

#include <dirent.h>
#include <stdint.h>

#include <drm.h>
#include <drm_fourcc.h>
#include <drm_mode.h>

struct screen {
  uint32_t connector;
  uint32_t crtc;
  struct drm_mode_modeinfo mode;
};

struct frame {
  int buffer;
  size_t byte_count;
  uint32_t *pixels;
  uint32_t handle;
  uint32_t framebuffer;
};

// The card whose driver's name begins so, or -1.
static int find(const char *prefix) {
  for (int number = 0; number < 4; number++) {
    char path[32], name[32] = "";
    snprintf(path, sizeof(path), "/dev/dri/card%d", number);
    int card = open(path, O_RDWR | O_CLOEXEC);
    if (card < 0) continue;
    struct drm_version version = {.name = name, .name_len = sizeof(name) - 1};
    if (ioctl(card, DRM_IOCTL_VERSION, &version) == 0 && strncmp(name, prefix, strlen(prefix)) == 0) return card;
    close(card);
  }
  return -1;
}

static struct screen find_screen(int card) {
  struct screen screen = {};
  struct drm_mode_card_res resources = {
      .connector_id_ptr = (uintptr_t)&screen.connector, .count_connectors = 1,
      .crtc_id_ptr = (uintptr_t)&screen.crtc, .count_crtcs = 1};
  require(ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &resources) == 0, "GETRESOURCES");
  require(screen.connector && screen.crtc, "the card has no connector");
  struct drm_mode_modeinfo modes[64];
  // Asked for no modes, the kernel looks which there are.
  struct drm_mode_get_connector connector = {.connector_id = screen.connector};
  require(ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &connector) == 0, "GETCONNECTOR");
  uint32_t count = connector.count_modes < 64 ? connector.count_modes : 64;
  connector = (struct drm_mode_get_connector){
      .connector_id = screen.connector, .modes_ptr = (uintptr_t)modes, .count_modes = count};
  require(ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &connector) == 0, "GETCONNECTOR");
  require(connector.count_modes > 0, "the connector has no modes");
  screen.mode = modes[0];
  // So small that the card takes pixels as they are.
  for (uint32_t index = 0; index < count && index < connector.count_modes; index++)
    if (modes[index].hdisplay == 800 && modes[index].vdisplay == 600) screen.mode = modes[index];
  return screen;
}

static struct frame make_frame(int card, const char *node, const struct screen *screen) {
  uint32_t width = screen->mode.hdisplay, height = screen->mode.vdisplay;
  struct frame frame = {.byte_count = (size_t)width * height * 4};
  frame.buffer = allocate(node, frame.byte_count, O_RDWR);
  frame.pixels = map(frame.buffer, frame.byte_count, PROT_READ | PROT_WRITE);
  require(first_dirty((unsigned char *)frame.pixels, frame.byte_count) < 0, "a new buffer is not zero");
  struct drm_prime_handle prime = {.fd = frame.buffer};
  require(ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime) == 0, "PRIME_FD_TO_HANDLE");
  frame.handle = prime.handle;
  struct drm_mode_fb_cmd2 added = {.width = width, .height = height, .pixel_format = DRM_FORMAT_XRGB8888,
                                   .handles = {frame.handle}, .pitches = {width * 4}};
  require(ioctl(card, DRM_IOCTL_MODE_ADDFB2, &added) == 0, "ADDFB2");
  frame.framebuffer = added.fb_id;
  return frame;
}

static void fill(const struct frame *frame, int byte) {
  begin_or_end(frame->buffer, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
  memset(frame->pixels, byte, frame->byte_count);
  begin_or_end(frame->buffer, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

static void set_crtc(int card, struct screen *screen, const struct frame *frame) {
  struct drm_mode_crtc crtc = {.crtc_id = screen->crtc, .fb_id = frame->framebuffer,
                               .set_connectors_ptr = (uintptr_t)&screen->connector, .count_connectors = 1,
                               .mode = screen->mode, .mode_valid = 1};
  require(ioctl(card, DRM_IOCTL_MODE_SETCRTC, &crtc) == 0, "SETCRTC");
}

static void tell_dirty(int card, const struct frame *frame) {
  struct drm_mode_fb_dirty_cmd dirty = {.fb_id = frame->framebuffer};
  require(ioctl(card, DRM_IOCTL_MODE_DIRTYFB, &dirty) == 0, "DIRTYFB");
}

static void drop_frame(int card, struct frame *frame) {
  require(ioctl(card, DRM_IOCTL_MODE_RMFB, &frame->framebuffer) == 0, "RMFB");
  struct drm_gem_close closed = {.handle = frame->handle};
  require(ioctl(card, DRM_IOCTL_GEM_CLOSE, &closed) == 0, "GEM_CLOSE");
  munmap(frame->pixels, frame->byte_count);
  close(frame->buffer);
}

// The card's memory: the first resource of the PCI device that Cirrus made.
static const volatile unsigned char *map_card(void) {
  DIR *devices = opendir("/sys/bus/pci/devices");
  require(devices != NULL, "no PCI devices");
  for (struct dirent *entry; (entry = readdir(devices));) {
    char path[320], vendor[16] = "";
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", entry->d_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    require(read(file, vendor, sizeof(vendor) - 1) > 0, "read %s", path);
    close(file);
    if (strtol(vendor, NULL, 16) != 0x1013) continue;
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", entry->d_name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    require(file >= 0, "open %s", path);
    const volatile unsigned char *memory = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, file, 0);
    require(memory != MAP_FAILED, "mmap %s", path);
    close(file);
    closedir(devices);
    return memory;
  }
  require(0, "no device of Cirrus's");
  return NULL;
}

// Any format has white as all ones, and black as all zeroes. The copy may be made a little later.
static void await(const volatile unsigned char *card, int byte, const char *when) {
  int wrong = -1;
  for (int attempt = 0; attempt < 500; attempt++) {
    for (wrong = 0; wrong < 4096 && card[wrong] == byte; wrong++) {}
    if (wrong == 4096) return;
    usleep(10000);
  }
  require(0, "%s: byte %d of the card is %#x and not %#x", when, wrong, card[wrong], byte);
}

int main(int count, char **arguments) {
  require(count == 2, "usage: display NODE");
  int card = find("cirrus");
  require(card >= 0, "there is no card of cirrus's");
  const volatile unsigned char *memory = map_card();
  struct screen screen = find_screen(card);
  for (int round = 0; round < 3; round++) {
    struct frame first = make_frame(card, arguments[1], &screen);
    struct frame second = make_frame(card, arguments[1], &screen);
    fill(&first, 0xFF);
    set_crtc(card, &screen, &first);
    await(memory, 0xFF, "the first frame");
    set_crtc(card, &screen, &second);
    await(memory, 0, "the second frame, never written");
    fill(&second, 0xFF);
    tell_dirty(card, &second);
    await(memory, 0xFF, "the second frame, written");
    drop_frame(card, &first);
    drop_frame(card, &second);
  }
  printf("ok display %s, %ux%u\n", arguments[1], screen.mode.hdisplay, screen.mode.vdisplay);
  return 0;
}
