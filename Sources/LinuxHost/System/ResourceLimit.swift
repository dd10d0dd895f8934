// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import Glibc

/// A limit that people can raise, and its value now.
package struct ResourceLimit: Equatable, Sendable {
  package let name: String
  package let value: Int?

  private init(_ name: String, _ value: Int?) {
    self.name = name
    self.value = value
  }

  /// The limit that made a call fail, nil when it was none that we know.
  ///
  /// The kernel says only ENOMEM for three different limits of mmap(2); which one it was is told from
  /// what the process has at this moment.
  ///
  /// - Source: open(2), mmap(2), inotify(7), pthread_create(3), ftruncate(2).
  package init?(reachedBy failure: HostFailure) {
    switch (failure.operation, failure.errorNumber) {
    case (.createWatchQueue, EMFILE) where !Self.descriptorsAreExhausted:
      self.init(
        "fs.inotify.max_user_instances",
        ProcessFile.number(in: "/proc/sys/fs/inotify/max_user_instances"))
    case (_, EMFILE):
      self.init("RLIMIT_NOFILE", Self.softLimit(SHIM_RLIMIT_NOFILE))
    case (_, ENFILE):
      self.init("fs.file-max", ProcessFile.number(in: "/proc/sys/fs/file-max"))
    case (.watch, ENOSPC):
      self.init(
        "fs.inotify.max_user_watches",
        ProcessFile.number(in: "/proc/sys/fs/inotify/max_user_watches"))
    case (.checkLeases, ENOLCK):
      self.init("fs.leases-enable", 0)
    case (.checkMemory, ENOMEM):
      guard let limit = failure.limit, limit.holder != .machine else { return nil }
      self.init("\(limit)", limit.byteCount)
    case (.map, ENOMEM):
      guard let limit = Self.mappingLimit(failure.byteCount) else { return nil }
      self = limit
    case (.setLength, EFBIG):
      self.init("RLIMIT_FSIZE", Self.softLimit(Int32(RLIMIT_FSIZE.rawValue)))
    case (.startThread, EAGAIN):
      self.init("the number of threads (RLIMIT_NPROC or kernel.threads-max)", nil)
    default:
      return nil
    }
  }

  private static func mappingLimit(_ byteCount: Int) -> ResourceLimit? {
    if let limit = softLimit(SHIM_RLIMIT_AS),
      let kibibytes = ProcessFile.number(in: "/proc/self/status", after: "VmSize:"),
      kibibytes * 1024 + byteCount > limit
    {
      return ResourceLimit("RLIMIT_AS", limit)
    }
    if let limit = ProcessFile.number(in: "/proc/sys/vm/max_map_count"),
      ProcessFile.lines(of: "/proc/self/maps").count >= limit - 1
    {
      return ResourceLimit("vm.max_map_count", limit)
    }
    return nil
  }

  static var descriptorsAreExhausted: Bool {
    let descriptor = dup(0)
    guard descriptor >= 0 else { return errno == EMFILE }
    close(descriptor)
    return false
  }

  /// A soft limit, nil when there is none.
  static func softLimit(_ resource: Int32) -> Int? {
    var soft: UInt64 = 0
    var hard: UInt64 = 0
    guard unsafe shim_getrlimit(resource, &soft, &hard) == 0 else { return nil }
    return Int(exactly: soft)
  }
}

extension HostOperation {
  /// The call behind an operation, for error messages.
  package var systemCallName: String {
    switch self {
    case .checkMemory: "checking available memory"
    case .createFile: "memfd_create"
    case .reopen: "opening /proc/self/fd"
    case .setMode: "fchmod"
    case .seal: "fcntl(F_ADD_SEALS)"
    case .setLeaseSignal: "fcntl(F_SETSIG)"
    case .checkLeases: "checking fs.leases-enable"
    case .setLength: "ftruncate"
    case .reserve: "reserving memory"
    case .map: "mmap"
    case .createWatchQueue: "inotify_init1"
    case .watch: "inotify_add_watch"
    case .createEvent: "eventfd"
    case .watchPressure: "watching memory pressure"
    case .startThread: "pthread_create"
    case .listNodes: "opendir"
    case .openNode: "open"
    case .allocateFromNode: "DMA_HEAP_IOCTL_ALLOC"
    case .findLength: "lseek"
    case .synchronize: "DMA_BUF_IOCTL_SYNC"
    case .sendMessage: "sendmsg"
    case .receiveMessage: "recvmsg"
    case .examineFile: "fstat"
    }
  }
}
