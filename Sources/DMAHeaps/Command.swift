// SPDX-License-Identifier: MIT
//
// What this repository's command asks of the library beyond what programs do. Not part of the API: other
// programs read `HeapSystem.statistics()` and `HeapSystem.descriptions`.

internal import LinuxHost
internal import PagePools

@_spi(Command) extension HeapSystem {
  /// Whether nothing is in buffers and nothing waits to be zeroed.
  ///
  /// ``statistics()`` tells it, too, but looks at every pool; this is asked between the cycles of a benchmark.
  public var isIdle: Bool {
    let accounts = memory.pools.accounts()
    return accounts.deferred == .zero && accounts.inBuffers == .zero
  }

  /// Whether all that is kept ready is there, because somebody asked for it or because of demand.
  public var isReady: Bool { memory.pools.isFilled }

  /// Bytes that can be had without swapping, as the kernel estimates them.
  public static var availableByteCount: Int { MachineMemory.availableByteCount() }

  /// Bytes of RAM in the machine.
  public static var machineByteCount: Int { MachineMemory.totalByteCount }
}

@_spi(Command) extension HeapSystem {
  /// Everything there is or could be: the system's heaps, the kernel's nodes, and what is missing.
  public var listing: [HeapDescription] {
    HeapCatalog.listing(own: ownDescriptions, kernelHeaps: KernelHeap.descriptions())
  }
}

@_spi(Command) extension HeapDescription {
  /// The same where this process can have no system.
  public static func listing(processFailure: HeapError) -> [HeapDescription] {
    HeapCatalog.listing(
      own: [HeapCatalog.unavailable(processFailure)], kernelHeaps: KernelHeap.descriptions())
  }
}
