// SPDX-License-Identifier: MIT

internal import Glue

/// One of the kernel's error numbers, positive; the values are part of its ABI.
struct Errno: Error, Equatable {
  let number: Int

  /// ENOMEM.
  static var outOfMemory: Errno { Errno(number: 12) }
  /// EFAULT.
  static var badAddress: Errno { Errno(number: 14) }
  /// EEXIST.
  static var exists: Errno { Errno(number: 17) }
  /// EINVAL.
  static var invalidArgument: Errno { Errno(number: 22) }
  /// E2BIG.
  static var tooLarge: Errno { Errno(number: 7) }
  /// ENOSPC.
  static var noSpace: Errno { Errno(number: 28) }
  /// ENAMETOOLONG.
  static var nameTooLong: Errno { Errno(number: 36) }

  private init(number: Int) {
    self.number = number
  }

  /// The error that a C function returned as a negative number.
  init(returned number: Int) {
    self.init(number: -number)
  }

  init(_ failure: KernelFailure) {
    self =
      switch failure {
      case .noBlock, .refused: .outOfMemory
      case .interrupted: Errno(returned: Int(glue_interruption()))
      }
  }

  /// As a C function returns it.
  var negative: Int { -number }
}

extension OpaquePointer? {
  /// The kernel's error pointer for an error.
  static func error(_ error: Errno) -> OpaquePointer? {
    unsafe OpaquePointer(bitPattern: error.negative)
  }

  /// The negative error number that an error pointer stands for, 0 for any other pointer.
  var errorNumber: Int {
    let value = Int(bitPattern: self)
    return value < 0 && value >= -4095 ? value : 0
  }
}
