// SPDX-License-Identifier: MIT

import CTestSupport
import Glibc

/// A forked child, which starts with all descriptors and mappings that we have.
final class ChildProcess {
  enum End: Equatable {
    case exited(Int32)
    case killed(by: Int32)
  }

  private final class Body {
    let run: () -> Int32
    init(_ run: @escaping () -> Int32) { self.run = run }
  }

  let process: Int32

  /// Starts a child that runs `body` and exits with its result.
  ///
  /// No other thread may be running.
  init(_ body: @escaping () -> Int32) throws(SystemFailure) {
    let boxed = Body(body)
    process = withExtendedLifetime(boxed) {
      test_fork(
        { context in
          guard let context else { return 120 }
          return Unmanaged<Body>.fromOpaque(context).takeUnretainedValue().run()
        }, Unmanaged.passUnretained(boxed).toOpaque())
    }
    if process < 0 { throw SystemFailure("fork") }
  }

  func kill() {
    _ = Glibc.kill(process, SIGKILL)
  }

  /// Waits for the end; to be called once.
  func wait() -> End {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return Self.end(status)
  }

  /// The end, nil while the child runs; not to be called again afterwards.
  func poll() -> End? {
    var status: Int32 = 0
    return waitpid(process, &status, WNOHANG) == process ? Self.end(status) : nil
  }

  private static func end(_ status: Int32) -> End {
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(by: signal)
  }
}

/// A pipe on which a child waits until its parent lets it go on.
final class Starter {
  private var ends: [Int32] = [-1, -1]

  init() throws(SystemFailure) {
    if pipe(&ends) != 0 { throw SystemFailure("pipe") }
  }

  deinit {
    for end in ends where end >= 0 { close(end) }
  }

  /// In the child: waits until the parent releases it, or is gone.
  func wait() {
    close(ends[1])
    ends[1] = -1
    var byte: UInt8 = 0
    while read(ends[0], &byte, 1) < 0, errno == EINTR {}
  }

  /// In the parent: lets the child go on.
  func release() {
    for index in ends.indices where ends[index] >= 0 {
      close(ends[index])
      ends[index] = -1
    }
  }
}

/// Says something for a child, whose parent only sees an exit status.
func complain(_ message: String) {
  let line = Array("heap-checks[\(getpid())]: \(message)\n".utf8)
  _ = write(STDERR_FILENO, line, line.count)
}

/// A child's exit status: 0 when `body` succeeds, and 1 after a word on what went wrong.
func exitStatus(_ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch {
    complain("\(error)")
    return 1
  }
}
