// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// A thread that is joined by its owner.
package struct HostThread: ~Copyable, Sendable {
  private let thread: pthread_t

  private final class Body {
    let name: StaticString
    let run: @Sendable () -> Void

    init(_ name: StaticString, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// Starts `body` on a new thread that takes no signals: they are the program's.
  ///
  /// - Throws: EAGAIN (RLIMIT_NPROC or the machine's limit).
  package init(
    named name: StaticString, faults: FaultPlan?, _ body: @escaping @Sendable () -> Void
  ) throws(HostFailure) {
    if let injected = faults?.errorNumber(.startThread) {
      throw HostFailure(.startThread, injected)
    }
    var all = sigset_t()
    var previous = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &previous)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }

    let argument = unsafe Unmanaged.passRetained(Body(name, body))
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        // SAFETY: the creator retained the body for this thread alone.
        let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        // For debuggers; a literal of at most 15 bytes cannot fail.
        _ = unsafe body.name.withCString { unsafe shim_set_thread_name($0) }
        body.run()
        return nil
      }, argument.toOpaque())
    guard result == 0 else {
      unsafe argument.release()
      throw HostFailure(.startThread, result)
    }
    self.thread = thread
  }

  /// Makes the calling thread yield to all others (nice 19, D3).
  static func lowerPriority() {
    // Raising one's own nice value is always allowed.
    _ = shim_set_thread_nice(19)
  }

  /// Lets the thread end when it likes; what it uses must live as long.
  consuming func detach() {
    pthread_detach(thread)
  }

  /// Waits for the thread's end.
  package consuming func join() {
    pthread_join(thread, nil)
  }
}
