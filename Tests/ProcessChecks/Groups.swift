// SPDX-License-Identifier: MIT

import CTestSupport
import DMAHeaps
import Glibc

/// A process in a memory control group of version 2, as containers have them (U1, U2).
enum Groups {
  private static let root = "/sys/fs/cgroup"

  private static func write(_ text: String, to path: String) throws {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    try require(file >= 0, "\(path): errno \(errno)")
    defer { close(file) }
    let count = Glibc.write(file, text, text.utf8.count)
    try require(count == text.utf8.count, "\(path), '\(text)': errno \(errno)")
  }

  /// The number after a name in a file of the group.
  private static func number(_ name: String, in path: String) throws -> Int {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    try require(file >= 0, "\(path): errno \(errno)")
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(file, &bytes, bytes.count)
    let text = String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == name, let number = Int(words[1]) { return number }
    }
    throw Failure(description: "\(path) has no \(name)")
  }

  /// Runs `body` in a child, in a group with limits, and sees that nobody in the group was killed.
  private static func inGroup(
    _ name: String, mebibytes: Int, high: Int? = nil, _ body: @escaping () throws -> Void
  ) throws {
    try write("+memory", to: "\(root)/cgroup.subtree_control")
    let folder = "\(root)/\(name)"
    try require(mkdir(folder, 0o755) == 0, "\(folder): errno \(errno)")
    defer { rmdir(folder) }
    try write("\(mebibytes << 20)", to: "\(folder)/memory.max")
    if let high { try write("\(high << 20)", to: "\(folder)/memory.high") }
    let status = inChild {
      try write("0", to: "\(folder)/cgroup.procs")
      try body()
    }
    let killed = try number("oom_kill", in: "\(folder)/memory.events")
    try require(killed == 0, "\(killed) processes were killed")
    try require(status == 0, "the process in the group ended with \(status)")
  }

  /// Runs `body` in a forked child, which has no system of the parent's yet.
  ///
  /// - Returns: its exit status: 1 when `body` throws, -1 when it was killed.
  private static func inChild(_ body: @escaping () throws -> Void) -> Int32 {
    test_wait(start(body))
  }

  /// - Returns: the child's process id.
  private static func start(_ body: @escaping () throws -> Void) -> Int32 {
    final class Body {
      let run: () throws -> Void
      init(_ run: @escaping () throws -> Void) { self.run = run }
    }
    let context = Unmanaged.passRetained(Body(body))
    defer { context.release() }
    fflush(nil)
    return test_fork(
      { context in
        guard let context else { return 1 }
        do {
          try Unmanaged<Body>.fromOpaque(context).takeUnretainedValue().run()
          return 0
        } catch {
          print("FAILED in a child: \(error)")
          fflush(nil)
          return 1
        }
      }, context.toOpaque())
  }

  static func checkLimit() throws -> String {
    try inGroup("limit", mebibytes: 256) {
      let configuration = HeapSystem.Configuration()
      try require(
        configuration.poolLimitByteCount == 64 << 20,
        "the pool limit is \(configuration.poolLimitByteCount)")
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      do {
        _ = try heap.allocateDescriptor(byteCount: 2 << 30)
        throw Failure(description: "2 GiB fit into the group")
      } catch let error as HeapError {
        try require(
          error.errorNumber == ENOMEM && "\(error)".contains("/sys/fs/cgroup/limit"), "\(error)")
      }
      for mebibytes in stride(from: 10, through: 190, by: 30) {
        let isThere = wait(upTo: 20) {
          guard var buffer = try? heap.allocate(byteCount: mebibytes << 20) else { return false }
          buffer.fill(1)
          return true
        }
        try require(isThere, "\(mebibytes) MiB are not to be had")
      }
      var held: [Int32] = []
      do throws(HeapError) {
        while held.count < 64 {
          held.append(try heap.allocateDescriptor(byteCount: 8 << 20).relinquish())
        }
      } catch {
        try require(error.errorNumber == ENOMEM, "\(error)")
      }
      try require((20..<32).contains(held.count), "\(held.count) times 8 MiB were had")
    }
    return "256 MiB: 2 GiB refused by name, ever larger buffers, descriptors until none is left"
  }

  /// Another process in the group takes memory until the kernel slows it down; the pools give theirs back.
  static func checkPressure() throws -> String {
    try inGroup("pressure", mebibytes: 256, high: 192) {
      var configuration = HeapSystem.Configuration()
      configuration.poolLimitByteCount = 128 << 20
      configuration.decayInterval = nil
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      do {
        var buffers: [BufferBox] = []
        for _ in 0..<12 {
          buffers.append(BufferBox(try heap.allocate(byteCount: 8 << 20)))
          buffers.last?.buffer.fill(1)
        }
      }
      try require(
        wait(upTo: 20) { system.statistics().pooledByteCount >= 96 << 20 },
        "\(system.statistics().pooledByteCount) bytes are pooled")
      // Started last: a child has nothing of the library's.
      let neighbour = start {
        for _ in 0..<19 {
          let bytes = mmap(
            nil, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
          guard let bytes, bytes != MAP_FAILED else { throw Failure(description: "no memory") }
          memset(bytes, 1, 8 << 20)
          usleep(20_000)
        }
      }
      let isBack = wait(upTo: 60) { system.statistics().pooledByteCount < 48 << 20 }
      let status = test_wait(neighbour)
      try require(status == 0, "the neighbour ended with \(status)")
      try require(isBack, "\(system.statistics().pooledByteCount) bytes stay pooled")
    }
    return "a neighbour that filled the group lives, and the pools gave their memory back"
  }

  /// Arrays cannot hold noncopyable elements yet.
  private final class BufferBox {
    var buffer: Buffer
    init(_ buffer: consuming Buffer) { self.buffer = buffer }
  }
}
