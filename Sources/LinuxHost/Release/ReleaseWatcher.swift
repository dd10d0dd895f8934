// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc
package import HeapFramework
internal import HeapModule
package import PagePools
internal import Synchronization

/// Finds out when nobody outside has a handed-out file any more (H5), so that it can be used again.
///
/// Nobody having the *file* does not mean that nobody has its pages: what was spliced, sent, registered with
/// io_uring or RDMA stays with whoever did it, and O_PATH descriptors are not seen. So files are handed out to
/// come back only where the program says that its receivers do nothing of this.
///
/// A file may be dup'ed, inherited, sent, reopened and mapped without our knowledge. Two things the
/// kernel tells us together are enough: inotify reports that a description of the file was closed with
/// its last descriptor and mapping, and a write lease (F_SETLEASE, F_WRLCK) is granted exactly when ours
/// is the only description left.
///
/// - The event comes before the kernel drops the count that the lease looks at. A lease refused right
///   after an event is therefore tried again, 100 µs later and then ever more rarely: nothing else
///   would wake us. A file with several descriptions is refused for the better reason.
/// - IN_Q_OVERFLOW (16384 unread events) means that events are lost: everything handed out is checked.
/// - A watch keeps its inode alive, so it is removed before the file is closed.
/// - After setuid(2) no lease is granted any more, and after closefrom(3) files are gone: they are given up.
package final class ReleaseWatcher: Sendable {
  private struct State: ~Copyable {
    /// Every watched file that is a block, by watch descriptor.
    var blocks: [Int32: MemoryBlock] = [:]
    var retries = Heap<LeaseRetry>()
  }

  private let state = Locked<State, FutexLock>(State())
  private let queue: CheckedDescriptor
  private let wakeEvent: CheckedDescriptor
  private let isStopping = Atomic<Bool>(false)
  private let faults: FaultPlan?

  /// - Throws: EMFILE (RLIMIT_NOFILE or fs.inotify.max_user_instances), ENOMEM, ENOLCK where leases are
  ///   turned off: files that are handed out would never come back.
  init(faults: FaultPlan?) throws(HostFailure) {
    let injected = faults?.errorNumber(.checkLeases)
    if injected != nil || ProcessFile.number(in: "/proc/sys/fs/leases-enable") == 0 {
      throw HostFailure(.checkLeases, injected ?? ENOLCK)
    }
    queue = CheckedDescriptor(
      OwnedDescriptor(
        owning: try attempt(.createWatchQueue, faults: faults) { shim_inotify_init() }))
    wakeEvent = CheckedDescriptor(
      OwnedDescriptor(owning: try attempt(.createEvent, faults: faults) { shim_eventfd() }))
    self.faults = faults
  }
}

// MARK: - Handing out and coming back

extension ReleaseWatcher {
  /// Opens a description of a block's file for somebody else.
  ///
  /// - Parameters:
  ///   - owner: the heap that frees the block when it comes back; it outlives the watcher's threads.
  ///   - flags: for open(2).
  /// - Throws: ENOSPC (fs.inotify.max_user_watches), EMFILE, ENFILE, ENOMEM. The block is then still the
  ///   caller's alone, unless it was handed out before.
  /// - Context: system calls: 5 µs, and 3 µs more for a file's first time.
  func handOut(
    _ block: MemoryBlock, _ file: MemoryFile, owner: HandOutHeap<LinuxHost>, flags: Int32
  ) throws(HostFailure) -> OwnedDescriptor {
    try watch(block, file)
    let descriptor = try file.export(pages: file.length, flags: flags, faults)
    // Only now that the description exists: an event left over from an earlier life of the file would
    // otherwise find it unused.
    state.withLock { _ in
      file.isHandedOut = true
      unsafe file.owner = owner
    }
    return descriptor
  }

  /// Forgets a block that is being released to its source.
  func forget(_ block: MemoryBlock, _ file: MemoryFile) {
    guard file.watch >= 0 else { return }
    state.withLock { _ = $0.blocks.removeValue(forKey: file.watch) }
    if queue.isOurs { inotify_rm_watch(queue.rawValue, file.watch) }
    file.watch = -1
  }

  /// Gives up waiting for the blocks that are handed out, for a host that stops.
  ///
  /// Their files live on where they were handed to.
  ///
  /// - Context: no lock held; blocks.
  func abandon() {
    let blocks = state.withLock { state in
      state.blocks.values.filter { block in
        guard let file = block.file, file.isHandedOut else { return false }
        file.isHandedOut = false
        return true
      }
    }
    for block in blocks { free(block, .unknown, by: .bystander) }
  }

  /// What is told when nobody has a file any more.
  ///
  /// - Parameter descriptor: of a file that is handed out.
  /// - Returns: nil when it is none.
  /// - Complexity: O(files there are).
  package func release(of descriptor: Int32) -> FileRelease? {
    guard let identity = FileIdentity(of: descriptor) else { return nil }
    return state.withLock { state in
      for block in state.blocks.values {
        guard let file = block.file, file.isHandedOut, file.identity == identity else { continue }
        if let release = file.release { return release }
        let release = FileRelease()
        file.release = release
        return release
      }
      return nil
    }
  }

  /// Blocks that are handed out.
  package var handedOutCount: Int {
    state.withLock { state in state.blocks.values.count { $0.file?.isHandedOut == true } }
  }

  /// Stops events of all files there are from being heeded, as if they had been lost; for tests.
  package func ignoreEvents() {
    state.withLock { state in
      for block in state.blocks.values {
        guard let file = block.file else { continue }
        // Replaces the watch's mask: moves are events that a memfd never has.
        _ = unsafe withDescriptorPath(file.number) { path in
          unsafe inotify_add_watch(queue.rawValue, path, UInt32(IN_MOVE_SELF))
        }
      }
    }
  }

  private func watch(_ block: MemoryBlock, _ file: MemoryFile) throws(HostFailure) {
    guard file.watch < 0 else { return }
    guard let number = file.checkedDescriptor else { throw HostFailure(.watch, EBADF) }
    let queue = try queue.checked(.watch)
    let watch = try attempt(.watch, faults: faults) {
      unsafe withDescriptorPath(number) { path in
        unsafe inotify_add_watch(queue, path, UInt32(SHIM_IN_CLOSE))
      }
    }
    state.withLock { state in
      file.watch = watch
      state.blocks[watch] = block
    }
  }

  /// Whose a file is now.
  private enum Holder {
    /// Ours again.
    case nobody
    /// Somebody else's.
    case others
    /// Nobody can tell any more: the file is to be given up.
    case unknown
  }

  /// Takes a file back if nobody else has it.
  ///
  /// Called with the lock held: of all who may find out at the same time, one gets it.
  private func reclaim(_ file: MemoryFile) -> Holder? {
    guard file.isHandedOut else { return nil }
    // With our descriptor lost, nobody will ever know.
    guard let descriptor = file.checkedDescriptor else { return takeBack(file, .unknown) }
    guard shim_fcntl_int(descriptor, SHIM_F_SETLEASE, Int32(F_WRLCK)) == 0 else {
      return errno == EAGAIN ? .others : takeBack(file, .unknown)
    }
    // Given up at once: it would make anyone opening the file wait.
    _ = shim_fcntl_int(descriptor, SHIM_F_SETLEASE, Int32(F_UNLCK))
    return takeBack(file, .nobody)
  }

  private func takeBack(_ file: MemoryFile, _ holder: Holder) -> Holder {
    file.isHandedOut = false
    file.retryDeadline = nil
    return holder
  }
}

// MARK: - The watching thread

extension ReleaseWatcher {
  /// Waits for files to come back until ``stop()`` and frees each through its heap, with no lock held.
  ///
  /// - Context: the watching thread; blocks.
  func run() {
    while waitForEvents() {
      collectReturned()
      retryLeases()
    }
  }

  /// Frees the files that have come back; the watching thread's work.
  ///
  /// - Context: no lock held; may block.
  private func collectReturned() {
    // Room for 256 events; a file's events have no names.
    while let pages = readEvents(byteCount: 4096, by: .watcher) { _ = pages }
  }

  /// Frees files that have come back, for a thread that wants memory.
  ///
  /// - Parameter limit: pages; when so many have come back, the watching thread does the rest.
  /// - Context: no lock held; may block.
  func collectReturned(atMost limit: PageCount) {
    var returned = PageCount.zero
    while returned < limit, let pages = readEvents(byteCount: Self.eventByteCount, by: .bystander) {
      returned += pages
    }
  }

  private static let eventByteCount = 16

  /// Handles as many events as fit into so many bytes.
  ///
  /// - Returns: pages that came back; nil when there were no events.
  private func readEvents(byteCount: Int, by thread: FreeingThread) -> PageCount? {
    guard queue.isOurs else { return nil }
    return unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { buffer in
      let count = unsafe read(queue.rawValue, buffer.baseAddress, buffer.count)
      guard count > 0 else { return nil }
      let events = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
      return unsafe handle(RawSpan(_unsafeBytes: events), by: thread)
    }
  }

  /// After so long a watcher finds out that it will not be told any more (nanoseconds).
  private static let longestWait: Int64 = 5_000_000_000

  /// How often it looks then (nanoseconds).
  private static let lookingInterval: Int64 = 100_000_000

  /// Makes ``run()`` return.
  func stop() {
    // Paired with the load in `waitForEvents`; the event orders them.
    isStopping.store(true, ordering: .relaxed)
    wake()
  }

  private func wake() {
    // Fails only when the counter is near its maximum, and then a wake-up is pending anyway.
    var one: UInt64 = 1
    if wakeEvent.isOurs { unsafe write(wakeEvent.rawValue, &one, 8) }
  }

  /// Waits until there is something to do.
  ///
  /// A program may close the descriptors that tell (closefrom), which poll(2) does not notice while it
  /// waits. So no wait is without end, and once they are lost, the watcher looks by itself.
  ///
  /// - Returns: false when it is time to stop.
  private func waitForEvents() -> Bool {
    let canBeTold = queue.isOurs && wakeEvent.isOurs
    let longest = canBeTold ? Self.longestWait : Self.lookingInterval
    let deadline = state.withLock { $0.retries.min?.deadline }
    let timeout = deadline.map { min(max($0 - MonotonicClock.now, 0), longest) } ?? longest
    // poll(2) ignores negative numbers.
    var descriptors: InlineArray<2, pollfd> = [
      pollfd(fd: canBeTold ? queue.rawValue : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: canBeTold ? wakeEvent.rawValue : -1, events: Int16(POLLIN), revents: 0),
    ]
    var list = descriptors.mutableSpan
    // An error can only be EINTR, which is an early return like any other.
    unsafe list.withUnsafeMutableBufferPointer { list in
      _ = unsafe shim_poll(list.baseAddress, Int32(list.count), timeout)
    }
    var wakeUps: UInt64 = 0
    if descriptors[1].revents != 0, wakeEvent.isOurs {
      unsafe read(wakeEvent.rawValue, &wakeUps, 8)
    }
    if !canBeTold { checkEverything() }
    return !isStopping.load(ordering: .relaxed)
  }

  /// Handles the events of one read; `events` are whole `struct inotify_event`s.
  ///
  /// - Returns: pages that came back.
  @discardableResult
  package func handle(_ events: RawSpan, by thread: FreeingThread = .watcher) -> PageCount {
    var pages = PageCount.zero
    var offset = 0
    while offset + MemoryLayout<inotify_event>.size <= events.byteCount {
      // SAFETY: the kernel writes whole events, aligned to 4; the type has no invalid values.
      let watch = unsafe events.unsafeLoad(fromByteOffset: offset, as: Int32.self)
      let mask = unsafe events.unsafeLoad(fromByteOffset: offset + 4, as: UInt32.self)
      let nameLength = unsafe events.unsafeLoad(fromByteOffset: offset + 12, as: UInt32.self)
      offset += Self.eventByteCount + Int(nameLength)
      if mask & UInt32(SHIM_IN_Q_OVERFLOW) != 0 {
        // Whoever sees it must: it is told once.
        checkEverything(by: thread)
      } else if mask & UInt32(SHIM_IN_CLOSE) != 0 {
        pages += check(watch, by: thread)
      }
    }
    return pages
  }

  /// Takes a block back after an event, or plans when to look again.
  ///
  /// - Returns: pages that came back.
  @discardableResult
  private func check(_ watch: Int32, by thread: FreeingThread) -> PageCount {
    let checked = state.withLock { state -> (MemoryBlock, Holder)? in
      guard let block = state.blocks[watch], let file = block.file, let holder = reclaim(file)
      else { return nil }
      if holder == .others {
        state.retries.insert(LeaseRetry(of: file, after: LeaseRetry.firstDelay))
      }
      return (block, holder)
    }
    guard let (block, holder) = checked else { return .zero }
    guard holder != .others else {
      // The watching thread sleeps until the retries that it knows of.
      if thread != .watcher { wake() }
      return .zero
    }
    // Once it is freed it may be gone.
    let size = block.size
    free(block, holder, by: thread)
    return size
  }

  private func free(_ block: MemoryBlock, _ holder: Holder, by thread: FreeingThread) {
    guard holder != .others, let file = block.file, let owner = unsafe file.owner else { return }
    let buffer = Allocation(block, in: owner.memory.host)
    // Taken first, for the block may be gone once it is freed; told last, when the memory is back.
    let release = file.release.take()
    if holder == .nobody {
      owner.free(buffer, mayBeWritten: true, by: thread)
      release?.end(.released)
    } else {
      owner.release(buffer)
      release?.end(.unknown)
    }
  }

  private func retryLeases() {
    let now = MonotonicClock.now
    while true {
      let (returned, isDone) = state.withLock { state -> ((MemoryBlock, Holder)?, Bool) in
        guard let retry = state.retries.min, retry.deadline <= now else { return (nil, true) }
        state.retries.removeMin()
        // Outdated when the file came back or another retry was planned.
        guard let block = state.blocks[retry.watch], let file = block.file,
          file.retryDeadline == retry.deadline, let holder = reclaim(file)
        else { return (nil, false) }
        guard holder == .others else { return ((block, holder), false) }
        state.retries.insert(LeaseRetry(of: file, after: retry.nextDelay))
        return (nil, false)
      }
      if let (block, holder) = returned { free(block, holder, by: .watcher) }
      if isDone { return }
    }
  }

  /// Looks at every handed-out file now, whatever events say.
  package func checkEverything(by thread: FreeingThread = .watcher) {
    let watches = state.withLock { Array($0.blocks.keys) }
    for watch in watches { check(watch, by: thread) }
  }
}
