// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import Testing

/// Lines about refusals: enough to see what happens, too few to fill a log.
struct RefusalLogTests {
  private func refusal(_ holder: LimitReached.Holder, asked: Int = 1) -> LimitReached {
    LimitReached(
      holder: holder, held: PageCount(9), limit: PageCount(10), client: ClientID(rawValue: 1),
      asked: PageCount(asked))
  }

  @Test func record_tellsOneInAnInterval_andHowManyItDidNot() {
    var log = RefusalLog(interval: 100)
    let client = LimitReached.Holder.client(ClientID(rawValue: 1))
    let first = log.record(refusal(client, asked: 5), now: 0)
    #expect(first?.refusal.asked == PageCount(5) && first?.suppressed == 0)
    for now: UInt64 in 1...17 { #expect(log.record(refusal(client), now: now) == nil) }
    #expect(log.record(refusal(.others), now: 99) == nil)
    let second = log.record(refusal(client, asked: 6), now: 100)
    #expect(second?.refusal.asked == PageCount(6) && second?.suppressed == 18)
    // Counted from the last line on, and only once.
    #expect(log.record(refusal(client), now: 199) == nil)
    #expect(log.record(refusal(client), now: 1000)?.suppressed == 1)
    #expect(log.record(refusal(client), now: 1100)?.suppressed == 0)
  }

  @Test func totalAndClients_haveLinesOfTheirOwn() {
    var log = RefusalLog(interval: 100)
    #expect(log.record(refusal(.others), now: 50)?.suppressed == 0)
    #expect(log.record(refusal(.everybody), now: 51)?.suppressed == 0)
    #expect(log.record(refusal(.everybody), now: 52) == nil)
    #expect(log.record(refusal(.others), now: 150)?.suppressed == 0)
    #expect(log.record(refusal(.everybody), now: 150) == nil)
    #expect(log.record(refusal(.everybody), now: 151)?.suppressed == 2)
  }

  @Test func clocks_atTheirEnds_areNoTrouble() {
    var log = RefusalLog(interval: 100)
    #expect(log.record(refusal(.others), now: .max - 50) != nil)
    #expect(log.record(refusal(.others), now: .max - 1) == nil)
    // Another CPU's clock is a little behind.
    var other = RefusalLog(interval: 100)
    #expect(other.record(refusal(.others), now: 1000) != nil)
    #expect(other.record(refusal(.others), now: 990) == nil)
    var everything = RefusalLog(interval: 0)
    #expect(everything.record(refusal(.others), now: 7) != nil)
    #expect(everything.record(refusal(.others), now: 7)?.suppressed == 0)
  }
}
