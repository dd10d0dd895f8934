// SPDX-License-Identifier: MIT

extension BenchReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case host, source, heap, api, bytes, touched, pooled, memory, iterations, method, burst, threads
    case notes, receiver
    case nanosecondsPerCall = "ns_per_call"
    case allocations = "alloc_ns"
    case cycles = "cycle_ns"
    case elapsed = "elapsed_ns"
    case poolMisses = "pool_misses"
    case mallocCalls = "malloc_calls"
    case systemCallCycles = "syscall_cycles"
    case countedCycles = "counted_cycles"
    case reopen = "reopen_ns"
    case allocationToReopen = "alloc_to_reopen"
    case freshToPooled = "fresh_to_pooled"
    case collapsingToPooled = "collapsing_to_pooled"
    case ratioFigure = "ratio_of"
    case isPaced = "paced"
    case isCold = "cold"
    case comparison = "compared_to"
    case operationsPerSecond = "operations_per_second"
    case scaling = "scaling"
    case clock = "clock_ns"
    case processors = "cpus"
    case wantedIterations = "iterations_wanted"
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let isKernels = source == HeapSource.kernel.rawValue
    try container.encode(isKernels ? "kernel" : "userspace", forKey: .host)
    try container.encode(source, forKey: .source)
    try container.encode(heap, forKey: .heap)
    try container.encode(interface, forKey: .api)
    try container.encode(size.byteCount, forKey: .bytes)
    try container.encode(touched, forKey: .touched)
    try container.encode(pooled, forKey: .pooled)
    try container.encode(memoryName, forKey: .memory)
    if isPaced { try container.encode(true, forKey: .isPaced) }
    if isCold { try container.encode(true, forKey: .isCold) }
    try container.encode(iterations, forKey: .iterations)
    try container.encode(nanosecondsPerCall, forKey: .nanosecondsPerCall)
    try container.encode(allocations, forKey: .allocations)
    try container.encode(cycles, forKey: .cycles)
    try container.encode(elapsedNanoseconds, forKey: .elapsed)
    try container.encode(wantedIterations, forKey: .wantedIterations)
    try container.encode(burst, forKey: .burst)
    try container.encode(throughput?.threads ?? 1, forKey: .threads)
    try container.encodeIfPresent(method, forKey: .method)
    try container.encodeIfPresent(poolMisses, forKey: .poolMisses)
    try container.encode(environment.clockNanoseconds, forKey: .clock)
    try container.encode(environment.processorCount, forKey: .processors)
    if !notes.isEmpty { try container.encode(notes, forKey: .notes) }
    try encodeComparisons(into: &container)
  }

  private func encodeComparisons(
    into container: inout KeyedEncodingContainer<CodingKeys>
  ) throws {
    if let warmPath {
      try container.encode(warmPath.cycles, forKey: .countedCycles)
      // Null where they cannot be counted: nobody shall read that as none.
      try container.encode(warmPath.allocationCalls, forKey: .mallocCalls)
      try container.encode(warmPath.systemCallCycles, forKey: .systemCallCycles)
    }
    if let reopen {
      try container.encode(reopen.p50, forKey: .reopen)
      try container.encode(allocationToReopen, forKey: .allocationToReopen)
    }
    if let freshToPooled {
      try container.encode(freshToPooled, forKey: .freshToPooled)
      try container.encode(RatioFigure(touched: touched).rawValue, forKey: .ratioFigure)
    }
    try container.encodeIfPresent(collapsingToPooled, forKey: .collapsingToPooled)
    try container.encodeIfPresent(receiver, forKey: .receiver)
    try container.encodeIfPresent(comparison, forKey: .comparison)
    if let throughput {
      try container.encode(throughput.operationsPerSecond, forKey: .operationsPerSecond)
      try container.encode(throughput.scaling, forKey: .scaling)
    }
  }

  /// How many reopens an allocation takes.
  var allocationToReopen: Double? {
    guard let reopen, reopen.p50 > 0 else { return nil }
    return Double(allocations.p50) / Double(reopen.p50)
  }
}
