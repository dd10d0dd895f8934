// SPDX-License-Identifier: MIT

/// An ioctl command number, checked to be `DMA_HEAP_IOCTL_ALLOC` of any struct size (H3).
///
/// A command is direction (2 bits), size (14 bits), type (8 bits) and number (8 bits), from the top.
/// Callers built against a smaller or larger struct use another size; a caller that
/// leaves out a direction gives no arguments or gets no answer, as in the kernel.
///
/// - Source: linux 6.1 drivers/dma-buf/dma-heap.c:117-178 and include/uapi/asm-generic/ioctl.h;
///   differs: the kernel looks at the number alone, we check the type too.
public struct AllocationCommand: Equatable, Sendable {
  /// Bytes to copy from the caller's struct: 0...16383.
  public let inputByteCount: Int

  /// Bytes to copy back: 0...16383.
  public let outputByteCount: Int

  /// `_IOWR('H', 0, struct dma_heap_allocation_data)`: the command for a struct of 24 bytes.
  public static var standard: UInt32 { command(structByteCount: AllocationRequest.byteCount) }

  /// The same command for a struct of another size, 0...16383 bytes.
  public static func command(structByteCount: Int) -> UInt32 {
    precondition(structByteCount >= 0 && structByteCount < 1 << 14, "a size has 14 bits")
    return 0xC000_0000 | UInt32(structByteCount) << 16 | UInt32(UInt8(ascii: "H")) << 8
  }

  /// Takes a command number apart.
  ///
  /// - Throws: ``RequestError/unknownCommand(_:)`` (EINVAL) when it is not an allocation.
  public init(_ command: UInt32) throws(RequestError) {
    guard command & 0xFFFF == UInt32(UInt8(ascii: "H")) << 8 else {
      throw .unknownCommand(command)
    }
    let byteCount = Int(command >> 16 & 0x3FFF)
    inputByteCount = command & 0x4000_0000 != 0 ? byteCount : 0
    outputByteCount = command & 0x8000_0000 != 0 ? byteCount : 0
  }
}
