// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import PagePools
import TestSupport

/// One of the threads of a stress: does at random what clients of a system do.
struct StressClient {
  private let system: HeapSystem
  private let heap: Heap
  private let isRecycling: Bool
  private var random: SeededGenerator
  private var held: [Holding] = []

  /// A content that tells threads apart.
  private let contents: ClosedRange<UInt8>

  init(_ system: HeapSystem, isRecycling: Bool, seed: UInt64, index: Int) throws {
    self.system = system
    self.isRecycling = isRecycling
    heap = try system.heap(named: "system")
    random = SeededGenerator(seed: seed &+ UInt64(index))
    let first = UInt8(1 + index * 32)
    contents = first...(first + 31)
  }

  /// How many things a client has at most.
  private static let heldAtMost = 24

  mutating func step() throws {
    switch random.below(64) {
    case 0..<24: try allocate()
    case 24..<36: try allocateDescriptor()
    case 36..<56: try release()
    case 56..<59: try share()
    case 59..<61: try send()
    case 61: try keepReady()
    case 62: system.reclaim(byteCount: random.oneIn(8) ? .max : 1 << random.below(24))
    default: try look()
    }
    while held.count > Self.heldAtMost { try release() }
  }

  /// Releases everything.
  mutating func finish() throws {
    while !held.isEmpty { try release() }
  }

  private mutating func allocate() throws {
    let buffer = try heap.allocate(byteCount: byteCount())
    guard buffer.isZero else { throw StressFailure.notZero }
    held.append(HeldBuffer(buffer, content: content()))
  }

  private mutating func allocateDescriptor() throws {
    let byteCount = byteCount()
    let flags: DescriptorFlags = random.oneIn(4) ? [.readWrite] : [.readWrite, .closeOnExec]
    let descriptor = try heap.allocateDescriptor(byteCount: byteCount, flags: flags)
    if !isRecycling, random.oneIn(3) {
      held.append(try HeldPages(descriptor, byteCount: byteCount, content: content()))
    } else {
      held.append(
        try HeldDescriptor(
          descriptor, byteCount: byteCount, content: content(), keepsOpen: random.oneIn(2)))
    }
  }

  private mutating func release() throws {
    guard !held.isEmpty else { return }
    let last = held.count - 1
    held.swapAt(random.below(held.count), last)
    let holding = held.removeLast()
    guard holding.isIntact() else { throw StressFailure.changed("\(type(of: holding))") }
  }

  private mutating func share() throws {
    guard let buffer = anyBuffer() else { return }
    try buffer.share()
  }

  private mutating func send() throws {
    guard let buffer = anyBuffer() else { return }
    held.append(try buffer.send())
  }

  private mutating func keepReady() throws {
    let high = random.below(4)
    do throws(HeapError) {
      try heap.keepReady(
        low: random.below(high + 1), high: high, byteCount: 4096 << random.below(8),
        for: random.oneIn(2) ? .buffers : .descriptors)
    } catch .limitReached(_, _, ENOSPC) {
      // So many sizes were asked for that there are pools of no more.
    }
  }

  private func look() throws {
    guard system.memory.pools.accounts().isBalanced else { throw StressFailure.unbalanced }
    _ = system.statistics()
  }

  private mutating func anyBuffer() -> HeldBuffer? {
    guard !held.isEmpty else { return nil }
    return held[random.below(held.count)] as? HeldBuffer
  }

  /// From a byte to 4 MiB, all magnitudes alike.
  private mutating func byteCount() -> Int {
    let magnitude = 1 << random.below(22)
    return magnitude + random.below(magnitude)
  }

  private mutating func content() -> UInt8 { contents.randomElement(using: &random) ?? 1 }
}
