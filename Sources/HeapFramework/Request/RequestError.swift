// SPDX-License-Identifier: MIT

public import PagePools

/// What is wrong with a request, in the order of the checks; every one is EINVAL (H3).
public enum RequestError: Error, Equatable, Sendable {
  /// The ioctl command is not an allocation.
  case unknownCommand(UInt32)
  /// The field `fd` is not 0.
  case descriptorNotZero(UInt32)
  /// These `fd_flags` are neither `O_CLOEXEC` nor an access mode.
  case unknownDescriptorFlags(UInt32)
  /// These `heap_flags` are not known to the heap.
  case unknownHeapFlags(UInt64)
  /// The length is 0.
  case lengthIsZero
  /// The length overflows when rounded up to pages.
  case lengthOverflows(ByteCount)
}
