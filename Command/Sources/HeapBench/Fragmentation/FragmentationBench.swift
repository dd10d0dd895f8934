// SPDX-License-Identifier: MIT

import CMeasurement
package import DMAHeaps

/// What a region's heap can still give when others have taken and freed what they liked, and how soon.
///
/// Each scenario leaves the region in some state; then a large buffer is asked for, many times, and given back.
package struct FragmentationBench {
  /// What is done to the region before.
  package enum Scenario: String, Sendable {
    /// Nothing.
    case untouched
    /// 8 KiB in every 64 KiB, all over the region; every other one is freed.
    case everyOther = "every other"
    /// All of them are freed.
    case bothFreed = "both freed"
    /// Buffers of 4 KiB to a sixteenth of the region come and go at random; half of those that stay are freed.
    case random
    /// All is taken.
    case full
  }

  private let system: HeapSystem
  private let heap: Heap
  private let byteCount: Int
  private let steps: Int
  private let seed: UInt64

  /// - Parameters:
  ///   - heap: of a region.
  ///   - size: of the buffer that is asked for; three fifths of the region unless given.
  ///   - steps: of the random scenario.
  ///   - seed: of the random scenario.
  /// - Throws: ENODEV for a heap that is not there, ENOTSUP for one of no region.
  package init(
    heap name: String, of system: HeapSystem, size: ByteSize?, steps: Int = 10_000, seed: UInt64 = 1
  ) throws(HeapError) {
    self.system = system
    heap = try system.heap(named: name)
    self.steps = steps
    self.seed = seed
    guard let region = Self.region(of: heap, in: system) else {
      throw .notSupported(heap: heap.name, reason: "only a region can be in pieces; see --config")
    }
    byteCount = size?.byteCount ?? max(region.byteCount / 5 * 3, 1)
  }

  /// Measures all scenarios.
  ///
  /// - Parameter progress: is told which is next.
  package func run(progress: (String) -> Void) -> [FragmentationReport] {
    var reports: [FragmentationReport] = []
    progress(Scenario.untouched.rawValue)
    reports.append(measure(.untouched))
    progress(Scenario.everyOther.rawValue)
    alternate(into: &reports)
    progress(Scenario.random.rawValue)
    reports.append(afterRandomSteps())
    progress(Scenario.full.rawValue)
    reports.append(whenFull())
    return reports
  }

  // MARK: Scenarios

  private func alternate(into reports: inout [FragmentationReport]) {
    let (small, gap) = (8 << 10, 56 << 10)
    var users = [HeldBuffers(), HeldBuffers()]
    var between = HeldBuffers()
    var index = 0
    while let buffer = try? heap.allocate(byteCount: small) {
      users[index % 2].add(buffer)
      index += 1
      guard let buffer = try? heap.allocate(byteCount: gap) else { break }
      between.add(buffer)
    }
    between.removeAll()
    users[0].removeAll()
    reports.append(measure(.everyOther))
    users[1].removeAll()
    reports.append(measure(.bothFreed))
  }

  private func afterRandomSteps() -> FragmentationReport {
    var random = SplitMix(seed: seed)
    var live = HeldBuffers()
    let largest = max(region.byteCount / 16, 4096)
    for _ in 0..<steps {
      if random.next() % 2 == 0 {
        let byteCount = 1 + Int(random.next() % UInt64(largest))
        if let buffer = try? heap.allocate(byteCount: byteCount) { live.add(buffer) }
      } else {
        live.remove(at: random.next())
      }
    }
    live.removeHalf()
    return measure(.random)
  }

  private func whenFull() -> FragmentationReport {
    var live = HeldBuffers()
    while let buffer = try? heap.allocate(byteCount: max(region.largestRunByteCount, 1)) {
      live.add(buffer)
    }
    return measure(.full)
  }

  // MARK: Measuring

  /// Requests of each scenario.
  private static let requests = 100

  private func measure(_ scenario: Scenario) -> FragmentationReport {
    let before = region
    var durations: [UInt64] = []
    var failure: HeapError?
    for _ in 0..<Self.requests {
      let start = measurement_now()
      do throws(HeapError) {
        let buffer = try heap.allocate(byteCount: byteCount)
        durations.append(measurement_now() - start)
        _ = consume buffer
      } catch {
        durations.append(measurement_now() - start)
        failure = error
      }
    }
    return FragmentationReport(
      heap: heap.name, scenario: scenario.rawValue, region: before,
      requested: ByteSize(byteCount: byteCount), isServed: failure == nil,
      requests: LatencySummary(LatencyDistribution(durations)), failure: failure)
  }

  private var region: RegionDescription {
    guard let region = Self.region(of: heap, in: system) else {
      preconditionFailure("a heap stays a region's")
    }
    return region
  }

  private static func region(of heap: Heap, in system: HeapSystem) -> RegionDescription? {
    system.descriptions.first { $0.name == heap.name }?.region
  }
}

/// Buffers that go in any order.
private struct HeldBuffers {
  private final class Held {
    var buffer: Buffer?

    init(_ buffer: consuming Buffer) { self.buffer = consume buffer }
  }

  private var held: [Held] = []

  mutating func add(_ buffer: consuming Buffer) { held.append(Held(buffer)) }

  mutating func remove(at number: UInt64) {
    guard !held.isEmpty else { return }
    held.swapAt(Int(number % UInt64(held.count)), held.count - 1)
    held.removeLast()
  }

  mutating func removeHalf() {
    held = held.indices.filter { $0 % 2 == 0 }.map { held[$0] }
  }

  mutating func removeAll() { held = [] }
}

/// Numbers that a seed determines (SplitMix64).
private struct SplitMix {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
