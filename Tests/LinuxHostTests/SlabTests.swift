// SPDX-License-Identifier: MIT

import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// Slots of slabs: small memory that shares descriptors and mappings.
@Suite(.serialized)
struct SlabTests {
  @Test
  func slots_shareSlabs_andUnusedSlabsGo() async {
    await #expect(processExitsWith: .success) {
      func slabCount() -> Int {
        ProcessFile.lines(of: "/proc/self/maps").count { $0.contains("memfd:dmaheap-slab") }
      }
      let runtime = try HeapRuntime(poolLimit: .zero, deferredLimit: .zero)
      let heap = try #require(MemfdHeap(memory: runtime.memory))
      // 512 slots of one page make a slab of 2 MiB.
      var blocks: [MemoryBlock] = []
      for _ in 0..<(3 * 512) { blocks.append(try heap.allocateBuffer(PageCount(1))) }
      #expect(slabCount() == 3)
      blocks.append(try heap.allocateBuffer(PageCount(1)))
      #expect(slabCount() == 4)
      #expect(Set(blocks.map { UInt(bitPattern: $0.address) }).count == blocks.count)
      // The pools keep nothing, so every slot's memory goes back; one unused slab stays.
      for block in blocks { heap.free(block, mayBeWritten: false) }
      #expect(slabCount() == 1)
      #expect(runtime.memory.pools.checkInvariants() == PageAccounts())
      // A slab that was full is found again when slots of it come back.
      let again = try heap.allocateBuffer(PageCount(1))
      #expect(slabCount() == 1)
      heap.free(again, mayBeWritten: true)
      runtime.stop()
      heap.close()
      runtime.close()
      #expect(slabCount() == 0)
    }
  }

  @Test(arguments: 1...14)
  func slots_ofEverySize_areApartAndZero(pages: Int) throws {
    let runtime = try HeapRuntime(poolLimit: PageCount(4096), deferredLimit: PageCount(4096))
    let heap = try #require(MemfdHeap(memory: runtime.memory))
    var blocks: [MemoryBlock] = []
    for value in 1...60 {
      let block = try heap.allocateBuffer(PageCount(pages))
      let address = try #require(block.address)
      #expect(UInt(bitPattern: address) % 4096 == 0)
      for offset in stride(from: 0, to: pages * 4096, by: 512) {
        #expect(address.load(fromByteOffset: offset, as: UInt64.self) == 0)
      }
      memset(address, Int32(value), pages * 4096)
      blocks.append(block)
    }
    // Each still has what was written to it: no two overlap.
    for (index, block) in blocks.enumerated() {
      let address = try #require(block.address)
      #expect(address.load(as: UInt8.self) == UInt8(index + 1))
      #expect(address.load(fromByteOffset: pages * 4096 - 1, as: UInt8.self) == UInt8(index + 1))
      heap.free(block, mayBeWritten: true)
    }
    runtime.memory.pools.checkInvariants()
    runtime.stop()
    heap.close()
    runtime.close()
    #expect(runtime.memory.pools.accounts() == PageAccounts())
  }
}
