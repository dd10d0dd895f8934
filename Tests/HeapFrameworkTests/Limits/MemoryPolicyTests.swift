// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Testing

/// Shares of memory.
struct MemoryPolicyTests {
  @Test func twoGibibytes_of4KiBPages() {
    let policy = MemoryPolicy(memory: PageCount(524_288), pageSize: PageSize(shift: 12))
    #expect(policy.totalLimit == PageCount(393_216))
    #expect(policy.clientLimit == PageCount(262_144))
    #expect(policy.poolLimit == PageCount(131_072))
    #expect(policy.deferredLimit == PageCount(16_384))
    #expect(policy.inlineFreeLimit == PageCount(16))
    #expect(policy.reservationSlack == PageCount(256))
    #expect(policy.largestBuffer == PageCount(524_288))
    #expect(policy.systemOrders(largest: Order(10)) == [Order(8), Order(4), Order(0)])
  }

  /// The same bytes, whatever a page is.
  @Test func eightGibibytes_of16KiBPages() {
    let policy = MemoryPolicy(memory: PageCount(524_288), pageSize: PageSize(shift: 14))
    #expect(policy.deferredLimit == PageCount(4096))
    #expect(policy.inlineFreeLimit == PageCount(4))
    #expect(policy.reservationSlack == PageCount(64))
    #expect(policy.systemOrders(largest: Order(10)) == [Order(6), Order(2), Order(0)])
  }

  @Test func pagesOf64KiB_areBlocksThemselves() {
    let policy = MemoryPolicy(memory: PageCount(1000), pageSize: PageSize(shift: 16))
    #expect(policy.inlineFreeLimit == PageCount(1))
    #expect(policy.systemOrders(largest: Order(10)) == [Order(4), Order(0)])
    #expect(policy.systemOrders(largest: Order(2)) == [Order(2), Order(0)])
    #expect(policy.systemOrders(largest: Order(0)) == [Order(0)])
  }

  @Test func smallMachine_hasItsShares() {
    // 64 MiB: an eighth, not 64 MiB, may wait.
    let policy = MemoryPolicy(memory: PageCount(16_384), pageSize: PageSize(shift: 12))
    #expect(policy.deferredLimit == PageCount(2048))
    for pages in 0...9 {
      let policy = MemoryPolicy(memory: PageCount(pages), pageSize: PageSize(shift: 12))
      #expect(policy.totalLimit.rawValue == pages * 3 / 4)
      #expect(policy.clientLimit.rawValue == pages / 2)
      #expect(policy.clientLimit <= policy.totalLimit)
    }
  }

  /// No share overflows, whatever a host says its memory is.
  @Test func largestMachine_hasItsShares() {
    let policy = MemoryPolicy(memory: PageCount(.max), pageSize: PageSize(shift: 12))
    #expect(policy.totalLimit < policy.memory && policy.clientLimit < policy.totalLimit)
    #expect(policy.poolLimit < policy.clientLimit)
  }

  @Test(arguments: zip([-1, 0, 1, 2, 8, 9, 512], [1, 1, 1, 2, 8, 8, 8]))
  func shards_areOnePerCPU_upToEight(cpus: Int, shards: Int) {
    #expect(MemoryPolicy.shardCount(cpuCount: cpus) == shards)
  }
}
