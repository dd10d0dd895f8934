// SPDX-License-Identifier: MIT

import HeapFramework
public import PagePools
import Synchronization

/// Whom a ``TestHost`` charges a buffer to.
public struct TestOwner: Hashable, Sendable, BitwiseCopyable {
  /// A number that the charge was made under.
  public let number: Int
}

extension TestHost {
  /// Charges the pages, unless that would exceed what ``limitCharges(to:)`` said.
  public func charge(_ pages: PageCount) throws(TestFailure) -> TestOwner {
    checkContext("charge")
    return try state.withLock { (state) throws(TestFailure) in
      guard state.counts.chargedPages + pages.rawValue <= state.chargeLimit else {
        throw .chargeRefused
      }
      state.counts.chargedPages += pages.rawValue
      state.counts.charges += 1
      return TestOwner(number: state.counts.charges)
    }
  }

  /// Takes a charge back.
  public func uncharge(_ pages: PageCount, _ owner: TestOwner) {
    checkContext("uncharge")
    state.withLock { state in
      if owner.number < 1 || owner.number > state.counts.charges { misuse("nobody was charged so") }
      state.counts.chargedPages -= pages.rawValue
      if state.counts.chargedPages < 0 { misuse("more is uncharged than was charged") }
    }
  }

  /// Every release of a test buffer is known at once, unless ``onCollect(_:)`` said something else.
  public func collectReturned(atMost limit: PageCount) -> Bool {
    checkContext("collectReturned")
    guard let hook = state.withLock({ $0.collectHook }) else { return false }
    return hook(limit)
  }

  /// Counts the wake-up.
  public func wakeWorker() {
    checkContext("wakeWorker")
    state.withLock { $0.counts.wakes += 1 }
  }

  /// A chain's blocks, in order.
  public func blocks(in chain: BlockChain<TestHost>) -> [TestBlock] {
    var found: [TestBlock] = []
    var next = chain.front
    while let block = next {
      found.append(block)
      next = self.next(after: block)
    }
    return found
  }
}
