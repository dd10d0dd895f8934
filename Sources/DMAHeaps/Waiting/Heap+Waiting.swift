// SPDX-License-Identifier: MIT

internal import Glibc
public import HeapFramework
public import LinuxHost

extension Heap {
  /// Gets a zeroed buffer of this process; where there is no memory, waits until some comes back.
  ///
  /// For pipelines that would rather be slowed down than fail: a camera that is ahead of its encoder
  /// waits until a frame is freed. Whoever waits is served in the order of asking, over all heaps of the
  /// system; requests that do not wait may come in between. Memory comes back when a buffer is freed, the
  /// system gives back pooled memory, or with ``HeapSystem/Recycling/inPlace`` the last descriptor is closed. Of what
  /// receivers and other processes free nobody is told: for that the request is made again after 10 ms, 20 ms
  /// and so on, later every quarter of a second, and when the time is over.
  ///
  /// - Parameters:
  ///   - byteCount: 1 or more; rounded up to pages.
  ///   - limit: how long to wait at most; 0 or less does not wait.
  /// - Throws: ``HeapError`` as ``allocate(byteCount:)``: at once for what waiting cannot help with, else
  ///   when the time is over (ENOMEM, EMFILE, ENFILE, ENOSPC, EAGAIN). `CancellationError` when the task
  ///   is cancelled while it waits.
  /// - Complexity: as ``allocate(byteCount:)`` when there is memory.
  /// - Context: an attempt may block; waiting does not.
  public func allocate(byteCount: Int, waitingUpTo limit: Duration) async throws -> Buffer {
    try await waiting(upTo: limit) { () throws(HeapError) in
      try allocate(byteCount: byteCount)
    }
  }

  /// Gets a descriptor of zeroed memory; where there is none, or no descriptor, waits until some comes back.
  ///
  /// - Parameters:
  ///   - byteCount: 1 or more; the descriptor's size is this, rounded up to pages.
  ///   - flags: `O_CLOEXEC` and an access mode.
  ///   - limit: how long to wait at most; 0 or less does not wait.
  /// - Throws: as ``allocate(byteCount:waitingUpTo:)`` and ``allocateDescriptor(byteCount:flags:)``.
  /// - Context: an attempt may block; waiting does not.
  public func allocateDescriptor(
    byteCount: Int, flags: DescriptorFlags = [.closeOnExec, .readWrite],
    waitingUpTo limit: Duration
  ) async throws -> OwnedDescriptor {
    try await waiting(upTo: limit) { () throws(HeapError) in
      try allocateDescriptor(byteCount: byteCount, flags: flags)
    }
  }

  private func waiting<R: ~Copyable>(
    upTo limit: Duration, _ attempt: () throws(HeapError) -> R
  ) async throws -> R {
    guard limit > .zero else { return try attempt() }
    let waiters = system.waiters
    if waiters.waitingCount == 0 {
      do throws(HeapError) {
        return try attempt()
      } catch {
        guard error.isShortage else { throw error }
      }
    }
    let ticket = waiters.enter()
    defer { waiters.leave(ticket) }
    let deadline = ContinuousClock.now + min(limit, Self.longestWait)
    let timer = Task { await Self.time(ticket, of: waiters, until: deadline) }
    // The wait is over.
    defer { timer.cancel() }
    while true {
      do throws(HeapError) {
        if let result = try waiters.attempt(for: ticket, attempt) { return result }
      } catch {
        guard error.isShortage else { throw error }
      }
      switch await waiters.wait(ticket) {
      case .memoryCameBack: continue
      case .timeIsOver: return try attempt()
      case .cancelled: throw CancellationError()
      }
    }
  }

  /// Reminds a waiter now and then, and tells it when its time is over.
  private static func time(
    _ ticket: MemoryWaiters.Ticket, of waiters: MemoryWaiters,
    until deadline: ContinuousClock.Instant
  ) async {
    var pause = firstPause
    while true {
      let next = min(ContinuousClock.now + pause, deadline)
      guard (try? await Task.sleep(until: next, clock: .continuous)) != nil else { return }
      guard next < deadline else { return waiters.expire(ticket) }
      waiters.remind(ticket)
      pause = min(pause * 2, longestPause)
    }
  }

  /// Short beside a frame.
  private static var firstPause: Duration { .milliseconds(10) }

  /// An attempt that fails may cost milliseconds, where pools are emptied for it.
  private static var longestPause: Duration { .milliseconds(250) }

  /// So that a deadline is a number.
  private static var longestWait: Duration { .seconds(1 << 31) }
}

extension HeapError {
  /// Whether the same request may succeed when others have given something back.
  fileprivate var isShortage: Bool {
    if case .outOfMemory(let requested, _) = self, requested > MachineMemory.totalByteCount {
      return false
    }
    if case .bufferTooLarge = self { return false }
    return [ENOMEM, EMFILE, ENFILE, ENOSPC, EAGAIN].contains(errorNumber)
  }
}
