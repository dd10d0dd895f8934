// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// When one looks again at what memory there is, and what is admitted after a look (U1).
struct AdmissionControlTests {
  /// 3200 pages: allocations leave 100 of them, what is made ahead of demand 400.
  private let policy = MemoryPolicy(memory: PageCount(3200), pageSize: PageSize(shift: 12))
  private var control = AdmissionControl(longestAge: 1_000)

  private mutating func look(
    _ pages: Int, _ effort: AllocationEffort = .full, seeing available: Int, now: UInt64 = 0
  ) -> Int {
    let look = control.beginLook()
    return control.admit(
      PageCount(pages), effort: effort, seeing: PageCount(available), of: policy, in: look,
      now: now
    ).rawValue
  }

  private mutating func admit(
    _ pages: Int, _ effort: AllocationEffort = .full, now: UInt64 = 0
  ) -> Bool {
    control.admit(PageCount(pages), effort: effort, now: now)
  }

  @Test func headroom_isAShare_upToABound() {
    #expect(policy.headroom == PageCount(100))
    #expect(policy.headroomAheadOfDemand == PageCount(400))
    let large = MemoryPolicy(memory: PageCount(1 << 30), pageSize: PageSize(shift: 12))
    #expect(large.headroom == PageCount(64 << 8))
    #expect(large.headroomAheadOfDemand == PageCount(512 << 8))
  }

  @Test mutating func withoutALook_nothingIsAdmitted() {
    #expect(!admit(0))
    #expect(!admit(1))
  }

  /// 1600 pages beyond the headroom: a sixteenth of them may be taken before the next look.
  @Test mutating func afterALook_aShareIsAdmitted() {
    #expect(look(0, seeing: 1700) == 0)
    #expect(admit(60))
    #expect(admit(40))
    #expect(!admit(1))
    #expect(look(1, seeing: 1700) == 0, "what was admitted and is in flight fits twice")
    #expect(admit(1))
  }

  @Test mutating func aLook_isGoodForSomeTime() {
    #expect(look(0, seeing: 1700, now: 5_000) == 0)
    #expect(admit(1, now: 5_999))
    #expect(!admit(1, now: 6_000))
    #expect(look(0, seeing: 1700, now: .max - 10) == 0)
    #expect(admit(1, now: .max - 1), "a time beyond all time does not wrap")
  }

  @Test mutating func theHeadroom_stays() {
    #expect(look(1600, seeing: 1699) == 1)
    #expect(look(1599, seeing: 1699) == 0)
    #expect(!admit(1), "nothing is left to take without looking")
    control.finish(PageCount(1599))
    #expect(look(1, seeing: 100) == 1)
    #expect(look(0, seeing: 100) == 0)
    #expect(look(5, seeing: 0) == 105)
  }

  /// A refusal is no reason to believe an older look.
  @Test mutating func afterARefusal_everybodyLooks() {
    #expect(look(0, seeing: 1700) == 0)
    #expect(look(10_000, seeing: 1700) == 8400)
    #expect(!admit(1))
  }

  @Test mutating func aheadOfDemand_moreIsLeft() {
    #expect(look(10, .none, seeing: 409) == 1)
    #expect(look(9, .none, seeing: 409) == 0)
    control.finish(PageCount(9))
    // A look for somebody who waits is good for them, and not for what nobody waits for.
    #expect(look(0, seeing: 410) == 0)
    #expect(admit(10))
    #expect(!admit(1, .none))
    #expect(admit(1))
  }

  /// What is in flight when a look begins may not show in it; what was finished before does.
  @Test mutating func inFlight_isNotPromisedTwice() {
    #expect(look(500, seeing: 1000) == 0)
    #expect(look(500, seeing: 1000) == 100)
    control.finish(PageCount(500))
    #expect(look(400, seeing: 500) == 0)
  }

  /// Two look at once, and both see what there was before.
  @Test mutating func looksAtTheSameTime_shareWhatTheySaw() {
    let first = control.beginLook()
    let second = control.beginLook()
    #expect(
      control.admit(
        PageCount(600), effort: .full, seeing: PageCount(1000), of: policy, in: first, now: 0)
        == .zero)
    // Done before the second has read everything, and perhaps not seen.
    control.finish(PageCount(600))
    #expect(
      control.admit(
        PageCount(600), effort: .full, seeing: PageCount(1000), of: policy, in: second, now: 0)
        == PageCount(300))
  }

  /// However requests, ends and looks follow each other, no more is admitted than there is.
  @Test mutating func random_neverAdmitsMoreThanThereIs() {
    var generator = SeededGenerator(for: "random_neverAdmitsMoreThanThereIs")
    var used = 0
    var inFlight: [Int] = []
    var looks: [(look: AdmissionControl.Look, available: Int)] = []
    for now in 0..<UInt64(TestScale.operations / 10) {
      let pages = Int.random(in: 0...300, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0, 1:
        if admit(pages, now: now) { inFlight.append(pages) }
      case 2:
        looks.append((control.beginLook(), 3200 - used))
      case 3 where !looks.isEmpty:
        let (look, available) = looks.remove(at: .random(in: looks.indices, using: &generator))
        let missing = control.admit(
          PageCount(pages), effort: .full, seeing: PageCount(available), of: policy, in: look,
          now: now)
        if missing == .zero { inFlight.append(pages) }
      case 4 where !inFlight.isEmpty:
        let done = inFlight.remove(at: .random(in: inFlight.indices, using: &generator))
        used += done
        control.finish(PageCount(done))
      case 5: used -= min(used, pages)
      default: break
      }
      #expect(used + inFlight.reduce(0, +) <= 3200 - 100)
    }
  }
}
