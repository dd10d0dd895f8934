// SPDX-License-Identifier: MIT

internal import Glibc
package import PagePools

/// What the host was doing when it failed.
package enum HostOperation: Sendable, CaseIterable {
  /// Looking whether this process may have so much memory at all, or now.
  case checkMemory
  /// memfd_create(2).
  case createFile
  /// open(2) of `/proc/self/fd/N`.
  case reopen
  /// fchmod(2).
  case setMode
  /// fcntl(2) F_ADD_SEALS.
  case seal
  /// fcntl(2) F_SETSIG.
  case setLeaseSignal
  /// Looking whether files can be leased (fs.leases-enable).
  case checkLeases
  /// ftruncate(2).
  case setLength
  /// fallocate(2) or madvise(2) MADV_POPULATE_WRITE.
  case reserve
  /// mmap(2).
  case map
  /// inotify_init1(2).
  case createWatchQueue
  /// inotify_add_watch(2).
  case watch
  /// eventfd(2).
  case createEvent
  /// Opening what tells of memory pressure.
  case watchPressure
  /// pthread_create(3).
  case startThread
  /// opendir(3) of a folder of heap nodes.
  case listNodes
  /// open(2) of a heap's node.
  case openNode
  /// ioctl(2) DMA_HEAP_IOCTL_ALLOC on a heap's node.
  case allocateFromNode
  /// lseek(2) to the end of a dma-buf.
  case findLength
  /// ioctl(2) DMA_BUF_IOCTL_SYNC on a dma-buf.
  case synchronize
  /// sendmsg(2) of a buffer.
  case sendMessage
  /// recvmsg(2) of a buffer.
  case receiveMessage
  /// fstat(2) of a file that somebody sent.
  case examineFile
}

/// A system call that failed: what for, with which errno, for how many bytes.
package struct HostFailure: AllocationFailure, Equatable {
  package let operation: HostOperation
  package let errorNumber: Int32

  /// Bytes that were asked for, 0 where no size is involved.
  package let byteCount: Int

  /// Bytes by which more was asked for than there is, 0 where nobody knows.
  let missingByteCount: Int

  /// The limit on memory that is in the way, where it is known.
  package let limit: MemoryLimit?

  /// What the core says there is too little of; nil where a system call failed.
  package let shortage: Shortage?

  package init(
    _ operation: HostOperation, _ errorNumber: Int32, byteCount: Int = 0, missingByteCount: Int = 0,
    limit: MemoryLimit? = nil, shortage: Shortage? = nil
  ) {
    self.shortage = shortage
    self.operation = operation
    self.errorNumber = errorNumber
    self.byteCount = byteCount
    self.missingByteCount = missingByteCount
    self.limit = limit
  }

  package init(_ shortage: Shortage) {
    self.init(
      .checkMemory, ENOMEM, byteCount: shortage.asked.byteCount, missingByteCount: .max,
      shortage: shortage)
  }

  package static var interrupted: HostFailure { HostFailure(.reserve, EINTR) }

  package var isInterruption: Bool { errorNumber == EINTR }

  /// Pooled blocks hold memory, address space, descriptors and watches; giving them back can help with
  /// any of these.
  package func relief(for asked: PageCount) -> Relief {
    switch errorNumber {
    case ENOMEM where missingByteCount > 0:
      .atLeast(PageCount(inBytes: missingByteCount - 1) + PageCount(1))
    case ENOMEM, ENOSPC, EMFILE, ENFILE, EAGAIN: .about(asked)
    default: .none
    }
  }
}

/// Makes things go wrong on purpose, so that tests can see every step of an allocation fail.
package struct FaultPlan: Sendable {
  /// The errno with which an operation is to fail now, or nil to let it happen.
  package let errorNumber: @Sendable (HostOperation) -> Int32?

  /// Called by the deferred-free worker before it frees a buffer; may block, as a slow worker does.
  package let delayWorker: @Sendable () -> Void

  package init(
    errorNumber: @escaping @Sendable (HostOperation) -> Int32? = { _ in nil },
    delayWorker: @escaping @Sendable () -> Void = {}
  ) {
    self.errorNumber = errorNumber
    self.delayWorker = delayWorker
  }
}

/// Makes a system call that reports failure as -1, again when a signal interrupted it.
///
/// - Returns: what the call returned, 0 or more.
/// - Throws: its errno, with what was being done.
package func attempt(
  _ operation: HostOperation, byteCount: Int = 0, faults: FaultPlan?, _ call: () -> Int32
) throws(HostFailure) -> Int32 {
  if let injected = faults?.errorNumber(operation) {
    throw HostFailure(operation, injected, byteCount: byteCount)
  }
  while true {
    let result = call()
    guard result < 0 else { return result }
    let errorNumber = errno
    guard errorNumber == EINTR else {
      throw HostFailure(operation, errorNumber, byteCount: byteCount)
    }
  }
}
