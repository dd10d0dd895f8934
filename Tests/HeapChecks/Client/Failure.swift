// SPDX-License-Identifier: MIT

import Glibc

/// What a check found wrong.
struct CheckFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Why a check cannot be made here.
struct CheckSkipped: Error {
  let reason: String
}

/// A system call that failed.
struct SystemFailure: Error, Equatable, CustomStringConvertible {
  let call: String
  let errorNumber: Int32

  /// Notes the failure of the call that was just made.
  init(_ call: String, _ errorNumber: Int32 = errno) {
    self.call = call
    self.errorNumber = errorNumber
  }

  var description: String { "\(call): \(errorName(errorNumber))" }
}

/// Fails the check when `condition` does not hold.
func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(CheckFailure) {
  guard condition else { throw CheckFailure(message()) }
}

/// Fails the check unless `body` fails with one of these error numbers.
func requireFailure(
  _ allowed: Int32..., of what: String, _ body: () throws(SystemFailure) -> Void
) throws(CheckFailure) {
  let wanted = allowed.map(errorName).joined(separator: " or ")
  do {
    try body()
  } catch {
    try require(
      allowed.contains(error.errorNumber),
      "\(what): \(errorName(error.errorNumber)) instead of \(wanted)")
    return
  }
  throw CheckFailure("\(what): succeeded instead of \(wanted)")
}

/// The name of an error number, as in the manual pages; 0 is success.
func errorName(_ number: Int32) -> String {
  switch number {
  case 0: "success"
  case EACCES: "EACCES"
  case EAGAIN: "EAGAIN"
  case EBADF: "EBADF"
  case EBUSY: "EBUSY"
  case EFAULT: "EFAULT"
  case EINTR: "EINTR"
  case EINVAL: "EINVAL"
  case EMFILE: "EMFILE"
  case ENODEV: "ENODEV"
  case ENOENT: "ENOENT"
  case ENOMEM: "ENOMEM"
  case ENOTTY: "ENOTTY"
  case ENXIO: "ENXIO"
  case EOVERFLOW: "EOVERFLOW"
  case EPERM: "EPERM"
  case ESPIPE: "ESPIPE"
  default: "errno \(number)"
  }
}
