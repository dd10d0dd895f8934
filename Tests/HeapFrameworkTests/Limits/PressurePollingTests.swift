// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Testing

/// Looking for pressure where nothing tells of it (U2).
struct PressurePollingTests {
  @Test func aLook_isDueNowAndThen_whileAnythingIsKept() {
    var polling = PressurePolling(interval: 100)
    #expect(polling.turn(isAnythingKept: false, now: 5) == (false, nil))
    #expect(polling.turn(isAnythingKept: true, now: 7) == (true, 107))
    #expect(polling.turn(isAnythingKept: true, now: 106) == (false, 107))
    #expect(polling.turn(isAnythingKept: false, now: 107) == (false, nil))
    // Whatever comes and goes meanwhile does not make it more often.
    #expect(polling.turn(isAnythingKept: true, now: 106) == (false, 107))
    #expect(polling.turn(isAnythingKept: true, now: 300) == (true, 400))
    #expect(polling.turn(isAnythingKept: true, now: .max - 1) == (true, .max))
  }

  @Test func short_isLessThanIsLeftAheadOfDemand() {
    let policy = MemoryPolicy(memory: PageCount(800), pageSize: PageSize(shift: 12))
    #expect(policy.isShort(available: PageCount(99)))
    #expect(!policy.isShort(available: PageCount(100)))
  }
}
