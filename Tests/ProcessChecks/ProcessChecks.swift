// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc

/// Checks of the library that need a machine of their own: another kernel, its control groups, its memory.
///
/// One static program, for a guest.
@main
enum ProcessChecks {
  /// A check, which tells what it saw.
  typealias Check = @Sendable () throws -> String

  private static let checks: [(name: String, check: Check)] = [
    ("signals", Signals.check),
    ("group", Groups.checkLimit),
    ("pressure", Groups.checkPressure),
  ]

  static func main() {
    let names = CommandLine.arguments.dropFirst()
    let unknown = names.filter { name in !checks.contains { $0.name == name } }
    guard !names.isEmpty, unknown.isEmpty else {
      let all = checks.map(\.name).joined(separator: "|")
      for name in unknown { print("there is no check '\(name)'") }
      print("usage: process-checks \(all)...")
      exit(64)
    }
    var failures: Int32 = 0
    for (name, check) in checks where names.contains(name) {
      do {
        print("ok \(name) (\(try check()))")
      } catch {
        print("FAILED \(name): \(error)")
        failures += 1
      }
      fflush(nil)
    }
    exit(failures == 0 ? 0 : 1)
  }
}

/// What is wrong.
struct Failure: Error, CustomStringConvertible {
  let description: String
}

/// Throws unless a condition holds.
func require(_ condition: Bool, _ description: @autoclosure () -> String) throws {
  if !condition { throw Failure(description: description()) }
}

/// Waits until a condition holds, at most so many seconds.
func wait(upTo seconds: Int, _ condition: () -> Bool) -> Bool {
  for _ in 0..<seconds * 100 {
    if condition() { return true }
    usleep(10_000)
  }
  return condition()
}

extension Buffer {
  /// Whether every byte is zero.
  var isZero: Bool {
    withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return true }
      return bytes[0] == 0 && memcmp(base, base + 1, bytes.count - 1) == 0
    }
  }

  /// Writes every byte.
  mutating func fill(_ value: UInt8) {
    withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      memset(base, Int32(value), bytes.count)
    }
  }
}
