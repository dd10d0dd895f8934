// SPDX-License-Identifier: MIT

/// One of the kernel's error numbers, positive; the values are part of its ABI.
struct Errno: Error, Equatable {
  let number: Int

  static var EINTR: Errno { Errno(number: 4) }
  static var ENOMEM: Errno { Errno(number: 12) }
  static var EFAULT: Errno { Errno(number: 14) }
  static var EEXIST: Errno { Errno(number: 17) }
  static var EINVAL: Errno { Errno(number: 22) }
  static var ENOSPC: Errno { Errno(number: 28) }
  static var ENAMETOOLONG: Errno { Errno(number: 36) }

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
      case .outOfMemory: .ENOMEM
      case .interrupted: .EINTR
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
