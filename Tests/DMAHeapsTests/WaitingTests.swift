// SPDX-License-Identifier: MIT

import CLinuxShims
import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Synchronization
import Testing

/// Requests that wait: served in order when memory comes back, and never longer than they want.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct WaitingTests {
  /// A machine whose memory, or something else, runs out: there is as much as was taken when it began.
  private final class Shortage: Sendable {
    private struct State {
      weak var system: HeapSystem?
      var limit: PageCount?
      var refusals = 0
    }

    private let state = Mutex(State())

    func plan(_ operation: HostOperation, _ errorNumber: Int32) -> FaultPlan {
      FaultPlan { asked in asked == operation && self.isRefused() ? errorNumber : nil }
    }

    private func isRefused() -> Bool {
      let (system, limit) = state.withLock { ($0.system, $0.limit) }
      guard let system, let limit, system.memory.pools.accounts().taken >= limit else {
        return false
      }
      state.withLock { $0.refusals += 1 }
      return true
    }

    func begin(in system: HeapSystem) {
      let taken = system.memory.pools.accounts().taken
      state.withLock { state in
        state.system = system
        if state.limit == nil { state.limit = taken }
      }
    }

    func end() { state.withLock { $0.limit = nil } }

    var refusals: Int { state.withLock { $0.refusals } }
  }

  /// Longer than any test may take: only a wake-up ends such a wait.
  private static let forEver = Duration.seconds(1_000_000)

  /// A system whose last block is taken: more cannot be had until something comes back.
  private struct Scene {
    let shortage = Shortage()
    let system: HeapSystem
    let heap: Heap

    init(
      _ operation: HostOperation = .createFile, _ errorNumber: Int32 = ENOMEM,
      poolLimit: Int = 64 << 20, recycling: HeapSystem.Recycling = .never
    ) throws {
      var configuration = HeapSystem.Configuration()
      configuration.recycling = recycling
      configuration.poolLimitByteCount = poolLimit
      system = try HeapSystem(configuration, faults: shortage.plan(operation, errorNumber))
      heap = try system.heap(named: "system")
    }

    var waitingCount: Int { system.memory.host.waiters.waitingCount }

    /// Lets memory run out and starts a request, which is sure to wait when this returns.
    func startWaiting<R: Sendable>(
      _ request: @escaping @Sendable (Heap) async throws -> R
    ) async throws -> Task<R, any Error> {
      shortage.begin(in: system)
      let before = waitingCount
      let task = Task { [heap] in try await request(heap) }
      try #require(await eventually { waitingCount == before + 1 })
      return task
    }

    /// Expects that all came back.
    func finish() {
      #expect(waitingCount == 0)
      #expect(waitUntil { system.memory.pools.accounts().inBuffers == .zero })
      #expect(system.memory.pools.checkInvariants().isBalanced)
    }
  }

  /// How somebody gives memory back.
  enum Return: CaseIterable, Sendable {
    case unwritten, written, small, descriptor, exported
  }

  @Test(arguments: Return.allCases)
  func memoryThatComesBack_endsTheWait(way: Return) async throws {
    let byteCount = way == .small ? 65536 : 3 << 20
    // Memory behind a descriptor comes back only where it is used again.
    let scene = try Scene(recycling: way == .descriptor ? .inPlace : .never)
    let task: Task<Void, any Error>
    if way == .descriptor {
      let descriptor = try scene.heap.allocateDescriptor(byteCount: byteCount)
      task = try await scene.startWaiting {
        _ = try await $0.allocate(byteCount: byteCount, waitingUpTo: Self.forEver)
      }
      _ = consume descriptor
    } else {
      var buffer = try scene.heap.allocate(byteCount: byteCount)
      if way != .unwritten { buffer.fill(1) }
      if way == .exported { _ = try buffer.exportDescriptor() }
      task = try await scene.startWaiting {
        let buffer = try await $0.allocate(byteCount: byteCount, waitingUpTo: Self.forEver)
        let isZero = buffer.isZero
        #expect(isZero)
      }
      _ = consume buffer
    }
    try await task.value
    scene.finish()
  }

  @Test
  func memoryOfAnotherSize_endsTheWait() async throws {
    let scene = try Scene()
    let held = try scene.heap.allocate(byteCount: 8 << 20)
    let task = try await scene.startWaiting {
      _ = try await $0.allocate(byteCount: 1 << 20, waitingUpTo: Self.forEver)
    }
    _ = consume held
    try await task.value
    scene.finish()
  }

  @Test
  func thoseWhoWait_areServedInOrder() async throws {
    let scene = try Scene()
    let held = try (0..<3).map { _ in Held(try scene.heap.allocate(byteCount: 1 << 20)) }
    let record = Record()
    try await withThrowingTaskGroup(of: Void.self) { group in
      scene.shortage.begin(in: scene.system)
      for index in 0..<3 {
        group.addTask {
          let buffer = try await scene.heap.allocate(byteCount: 1 << 20, waitingUpTo: Self.forEver)
          record.add(index, buffer)
        }
        #expect(await eventually { scene.waitingCount == index + 1 })
      }
      for (count, buffer) in held.enumerated() {
        #expect(record.order.count == count)
        buffer.drop()
        #expect(await eventually { record.order.count == count + 1 })
      }
      try await group.waitForAll()
    }
    #expect(record.order == [0, 1, 2])
    record.drop()
    scene.finish()
  }

  /// Who was served, with what: kept, so that nobody is served with another's buffer.
  private final class Record: Sendable {
    private let served = Mutex<[(index: Int, buffer: Held<Buffer>)]>([])

    func add(_ index: Int, _ buffer: consuming Buffer) {
      let held = Held(buffer)
      served.withLock { $0.append((index, held)) }
    }

    var order: [Int] { served.withLock { $0.map(\.index) } }

    func drop() { served.withLock { $0 = [] } }
  }

  @Test
  func noMemory_throwsTheErrorWhenTheTimeIsOver() async throws {
    let scene = try Scene()
    scene.shortage.begin(in: scene.system)
    do {
      _ = try await scene.heap.allocate(byteCount: 1 << 20, waitingUpTo: .milliseconds(20))
      Issue.record("memory that is not there")
    } catch let error as HeapError {
      #expect(error.errorNumber == ENOMEM)
    }
    do {
      _ = try await scene.heap.allocateDescriptor(
        byteCount: 1 << 20, waitingUpTo: .milliseconds(20))
      Issue.record("memory that is not there")
    } catch let error as HeapError {
      #expect(error.errorNumber == ENOMEM)
    }
    scene.finish()
  }

  /// Nobody tells of what others than this process free.
  @Test
  func memoryOfOthers_isNoticed() async throws {
    let scene = try Scene()
    let task = try await scene.startWaiting {
      _ = try await $0.allocate(byteCount: 1 << 20, waitingUpTo: Self.forEver)
    }
    scene.shortage.end()
    try await task.value
    scene.finish()
  }

  @Test
  func cancellation_endsTheWait_andTheNextIsServed() async throws {
    let scene = try Scene()
    let held = try scene.heap.allocate(byteCount: 1 << 20)
    let first = try await scene.startWaiting {
      _ = try await $0.allocate(byteCount: 1 << 20, waitingUpTo: Self.forEver)
    }
    let second = try await scene.startWaiting {
      _ = try await $0.allocate(byteCount: 1 << 20, waitingUpTo: Self.forEver)
    }
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(await eventually { scene.waitingCount == 1 })
    _ = consume held
    try await second.value
    scene.finish()
  }

  @Test(arguments: [0, -1, MachineMemory.totalByteCount + (1 << 30)])
  func whatWaitingCannotHelp_isThrownAtOnce(byteCount: Int) async throws {
    let scene = try Scene()
    await #expect(throws: HeapError.self) {
      _ = try await scene.heap.allocate(byteCount: byteCount, waitingUpTo: Self.forEver)
    }
    scene.finish()
  }

  @Test
  func noTime_isNoWait_andNoShortageNeither() async throws {
    let scene = try Scene()
    _ = try await scene.heap.allocate(byteCount: 1 << 20, waitingUpTo: .zero)
    _ = try await scene.heap.allocateDescriptor(byteCount: 1 << 20, waitingUpTo: Self.forEver)
    scene.finish()
    let empty = try Scene()
    empty.shortage.begin(in: empty.system)
    await #expect(throws: HeapError.self) {
      _ = try await empty.heap.allocate(byteCount: 5 << 20, waitingUpTo: .seconds(-1))
    }
    empty.finish()
  }

  /// An attempt that fails gives back what it had, which is no reason to try again at once.
  @Test
  func whoeverWaits_triesRarely() async throws {
    let scene = try Scene(.watch, ENOSPC, poolLimit: 0, recycling: .inPlace)
    scene.shortage.begin(in: scene.system)
    let held = try scene.heap.allocate(byteCount: 4096)
    let task = try await scene.startWaiting {
      _ = try await $0.allocateDescriptor(byteCount: 1 << 20, waitingUpTo: Self.forEver)
    }
    let start = ContinuousClock.now
    usleep(100_000)
    // Two attempts, then one after 10, 30, 70, 150 ms and every 250 ms after that; each may give back
    // something and be made again.
    let reminders = 4 + Int((ContinuousClock.now - start) / .milliseconds(250))
    #expect(scene.shortage.refusals <= 3 * (2 + reminders))
    scene.shortage.end()
    _ = consume held
    try await task.value
    scene.finish()
  }

  @Test
  func theDescriptorLimit_isWaitedFor() async {
    await #expect(processExitsWith: .success) {
      // What the runtime opens when it first waits it cannot open later: that ends the process.
      try await Task.sleep(for: .milliseconds(1))
      // Only of files that are used again does anybody learn that they were closed.
      var configuration = HeapSystem.Configuration()
      configuration.recycling = .inPlace
      let system = try HeapSystem(configuration)
      let heap = try system.heap(named: "system")
      var held: [Held<OwnedDescriptor>] = []
      let free = try #require(openDescriptorCount())
      try #require(shim_setrlimit(SHIM_RLIMIT_NOFILE, UInt64(free + 20), UInt64(free + 20)) == 0)
      do throws(HeapError) {
        while held.count < 100 {
          held.append(Held(try heap.allocateDescriptor(byteCount: 65536)))
        }
      } catch {
        #expect(error.errorNumber == EMFILE)
      }
      let task = Task {
        _ = try await heap.allocateDescriptor(byteCount: 65536, waitingUpTo: .seconds(1_000_000))
      }
      #expect(await eventually { system.memory.host.waiters.waitingCount == 1 })
      held.removeLast()
      try await task.value
    }
  }

  /// Arrays cannot hold noncopyable elements yet.
  private final class Held<Value: ~Copyable & Sendable>: @unchecked Sendable {
    private var value: Value?
    init(_ value: consuming Value) { self.value = consume value }
    func drop() { value = nil }
  }
}

/// Waits until a condition holds, without keeping a thread that the awaited tasks may need.
///
/// - Returns: false when it does not hold within 50 s, which only a hang takes.
private func eventually(_ condition: () -> Bool) async -> Bool {
  for _ in 0..<50_000 {
    if condition() { return true }
    try? await Task.sleep(for: .milliseconds(1))
  }
  return condition()
}
