// SPDX-License-Identifier: MIT

import Glibc

private final class Work: Sendable {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs `body` on `count` new threads at once and waits for all.
func onThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
  var threads: [pthread_t] = []
  for _ in 0..<count {
    var thread = pthread_t()
    // SAFETY: the thread takes over the reference that is passed retained.
    let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
    let status = unsafe pthread_create(
      &thread, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        }
        return nil
      }, work)
    precondition(status == 0, "no thread: \(status)")
    threads.append(thread)
  }
  for thread in threads {
    _ = pthread_join(thread, nil)
  }
}
