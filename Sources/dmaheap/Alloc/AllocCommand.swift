// SPDX-License-Identifier: MIT

import ArgumentParser
import CMeasurement
import DMAHeaps
import Foundation

/// Allocates, checks, holds and frees.
struct AllocCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alloc",
    abstract: "Allocate memory from a heap, hold it, and free it.",
    discussion: """
      EXAMPLES
        dmaheap alloc --size 1MiB --count 100 --verify   checked to be zero
        dmaheap alloc --size 2G --hold 60 --api descriptor
        dmaheap alloc --size 64KiB --json
        dmaheap alloc --source kernel --verify           a dma-buf from /dev/dma_heap/system
      """)

  @Option(help: "Whose heap to use: this process's (memfd), or the kernel's in /dev/dma_heap.")
  var source: HeapSource = .memfd

  @Option(help: "Heap to allocate from.")
  var heap = "system"

  @Option(help: "Size of each allocation. (default: 1M)", transform: ByteSize.parseArgument)
  var size = ByteSize(byteCount: 1 << 20)

  @Option(help: "How many to have at once. (default: 1)", transform: CountArgument.parse)
  var count = 1

  @Option(help: "Seconds to hold them for.")
  var hold: Double = 0

  @Option(
    name: .customLong("api"),
    help: "Interface to use. (default: buffer; descriptor with --source kernel)")
  var interface: AllocationInterface?

  @Flag(help: "Check that every byte is zero.")
  var verify = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard hold >= 0, hold <= 1e9 else {
      throw ValidationError("'\(hold)' is no time to hold; from 0 to 1000000000 seconds")
    }
    if source == .kernel, interface == .buffer {
      throw ValidationError("kernel heaps have no buffers; use --api descriptor, or leave it out")
    }
  }

  func run() throws {
    _ = measurement_raise_descriptor_limit()
    let report =
      switch source {
      case .memfd: try runOnOwnHeap()
      case .kernel: try runOnKernelHeap()
      }
    if json {
      try JSONLine.print(report)
    } else {
      Output.line(report.text)
    }
  }

  private func runOnKernelHeap() throws -> AllocReport {
    let heap = try KernelHeap(named: heap)
    try KernelBenchPlan.checkMemory(count: count, size: size)
    return try run(KernelProvider(heap: heap, byteCount: size.byteCount), .descriptor)
  }

  private func runOnOwnHeap() throws -> AllocReport {
    let system = try HeapSystem()
    let heap = try system.heap(named: heap)
    switch interface ?? .buffer {
    case .buffer:
      return try run(
        BufferProvider(system: system, heap: heap, byteCount: size.byteCount), .buffer)
    case .descriptor:
      return try run(
        DescriptorProvider(
          system: system, heap: heap, byteCount: size.byteCount, populates: false), .descriptor)
    }
  }

  private func run<Provider: CheckableProvider>(
    _ provider: Provider, _ interface: AllocationInterface
  ) throws -> AllocReport {
    var store = MemoryStore<Provider.Memory>(capacity: count)
    var durations = [UInt64](repeating: 0, count: count)
    var verification: UInt64 = 0
    var progress = ProgressLine()
    defer { progress.clear() }
    for index in 0..<count {
      let start = measurement_now()
      let memory = try provider.allocate()
      durations[index] = measurement_now() - start
      if verify {
        let start = measurement_now()
        let first = try provider.firstNonzero(memory)
        verification += measurement_now() - start
        if let first { throw NotZeroError(index: index, offset: first, heap: heap) }
      }
      store.append(memory)
      progress.update("\(index + 1) of \(count) allocated")
    }
    waitHolding(&progress)
    let start = measurement_now()
    while !store.isEmpty { provider.release(store.takeFirst()) }
    return AllocReport(
      heap: heap, source: source, interface: interface, size: size, count: count, verified: verify,
      hold: hold, durations: durations, verificationNanoseconds: verification,
      freeNanoseconds: measurement_now() - start)
  }

  private func waitHolding(_ progress: inout ProgressLine) {
    let end = measurement_now() + UInt64(hold * 1e9)
    while true {
      let now = measurement_now()
      guard now < end else { return }
      let left = Double(end - now) / 1e9
      progress.update("holding \(count) times \(size), \(Int(left.rounded(.up))) s left")
      Thread.sleep(forTimeInterval: min(left, 0.25))
    }
  }
}

/// Memory that was handed out with something in it.
struct NotZeroError: Error, CustomStringConvertible {
  let index: Int
  let offset: Int
  let heap: String

  var description: String {
    "allocation \(index) from heap '\(heap)' is not zero at byte \(offset)"
  }
}
