// SPDX-License-Identifier: MIT
//
// A 32-bit client of a heap: the same ABI by way of the kernel's compatibility layer. It brings its
// own first instruction and its own system calls, so that it needs no 32-bit library:
//
//   gcc -m32 -O2 -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector
//     -idirafter /usr/include/x86_64-linux-gnu
//
// usage: compat32 NODE

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>

enum {
  exit_call = 1, open_call = 5, close_call = 6, write_call = 4, lseek_call = 19, ioctl_call = 54,
  munmap_call = 91, mmap2_call = 192,
};
enum { einval = 22, efault = 14, read_write = 2, close_on_exec = 02000000 };
enum { byte_count = (1 << 20) + 69632 };

// Negative results are error numbers. A sixth argument is 0.
static long call(long number, long a, long b, long c, long d, long e) {
  long result;
  __asm__ volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                   : "memory");
  return result;
}

static void say(const char *text) {
  long length = 0;
  while (text[length]) length++;
  call(write_call, 1, (long)text, length, 0, 0);
}

static void require(int condition, const char *what) {
  if (condition) return;
  say("FAILED compat32: ");
  say(what);
  say("\n");
  call(exit_call, 1, 0, 0, 0, 0);
}

static long allocate(long node, unsigned command, struct dma_heap_allocation_data *data) {
  return call(ioctl_call, node, (long)command, (long)data, 0, 0);
}

static volatile unsigned *map(long buffer) {
  long address = call(mmap2_call, 0, byte_count, 3 /* read, write */, 1 /* shared */, buffer);
  require(address > 0 || address < -4095, "mmap");
  return (volatile unsigned *)address;
}

static void check(long node) {
  for (int round = 0; round < 4; round++) {
    struct dma_heap_allocation_data data = {
        .len = byte_count, .fd_flags = read_write | close_on_exec};
    require(allocate(node, DMA_HEAP_IOCTL_ALLOC, &data) == 0, "allocate");
    require(call(lseek_call, data.fd, 0, 2, 0, 0) == byte_count, "the size by lseek");
    volatile unsigned *words = map(data.fd);
    struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};
    require(call(ioctl_call, data.fd, (long)DMA_BUF_IOCTL_SYNC, (long)&sync, 0, 0) == 0, "begin");
    for (int i = 0; i < byte_count / 4; i++) require(words[i] == 0, "a new buffer is not zero");
    for (int i = 0; i < byte_count / 4; i++) words[i] = 0xA5A5A5A5;
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
    require(call(ioctl_call, data.fd, (long)DMA_BUF_IOCTL_SYNC, (long)&sync, 0, 0) == 0, "end");
    require(call(ioctl_call, data.fd, (long)DMA_BUF_SET_NAME_A, (long)"compat", 0, 0) == 0, "name");
    call(munmap_call, (long)words, byte_count, 0, 0, 0);
    require(call(close_call, data.fd, 0, 0, 0, 0) == 0, "close");
  }
  struct dma_heap_allocation_data data = {.len = 4096, .fd = 1};
  require(allocate(node, DMA_HEAP_IOCTL_ALLOC, &data) == -einval, "fd 1 is not EINVAL");
  data = (struct dma_heap_allocation_data){.len = ~0ULL};
  require(allocate(node, DMA_HEAP_IOCTL_ALLOC, &data) == -einval, "an overflow is not EINVAL");
  data = (struct dma_heap_allocation_data){.len = 4096, .heap_flags = 1ULL << 40};
  require(allocate(node, DMA_HEAP_IOCTL_ALLOC, &data) == -einval, "heap flags are not EINVAL");
  require(allocate(node, DMA_HEAP_IOCTL_ALLOC, (void *)0) == -efault, "null is not EFAULT");
  // A struct that ends behind fd_flags.
  data = (struct dma_heap_allocation_data){.len = 4096, .fd_flags = read_write, .heap_flags = 1};
  require(allocate(node, _IOC(_IOC_READ | _IOC_WRITE, 'H', 0, 16), &data) == 0, "16 bytes");
  require(data.fd != 0 && call(close_call, data.fd, 0, 0, 0, 0) == 0, "close after 16 bytes");
}

// The stack holds the argument count and then the arguments.
__attribute__((noreturn, used)) static void start(long *stack) {
  require(stack[0] == 2, "usage: compat32 NODE");
  long node = call(open_call, stack[2], 0, 0, 0, 0);
  require(node >= 0, "the node cannot be opened");
  check(node);
  say("ok compat32\n");
  for (;;) call(exit_call, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n  mov %esp, %eax\n  push %eax\n  call start\n");
