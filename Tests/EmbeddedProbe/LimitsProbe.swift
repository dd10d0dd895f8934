// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools

/// Whether limits and their report hold as Embedded Swift.
func limitsHold() -> Bool {
  let policy = MemoryPolicy(memory: PageCount(40), pageSize: PageSize(shift: 12))
  let ledger = ClientLedger<ProbeLock>(
    totalLimit: policy.totalLimit, clientLimit: policy.clientLimit, userCapacity: 2,
    processCapacity: 2, shardCount: 2, slack: PageCount(4))
  let (user, other) = (ClientID(rawValue: 1000), ClientID(rawValue: 1001))
  func charge(_ pages: Int, _ user: ClientID) -> Result<BufferCharge, LimitReached> {
    Result { () throws(LimitReached) in
      try ledger.charge(PageCount(pages), user: user, process: user, shard: 0)
    }
  }

  guard case .success(let first) = charge(20, user), case .success = charge(9, other),
    case .failure(let ofClient) = charge(1, user), case .failure(let ofTotal) = charge(2, .root)
  else { return false }
  var log = RefusalLog(interval: 10)
  guard ofClient.holder == .client(user), ofTotal.holder == .everybody,
    ofTotal.held == PageCount(29), log.record(ofTotal, now: 1)?.suppressed == 0,
    log.record(ofTotal, now: 2) == nil, ledger.users.largestHolder()?.client == user
  else { return false }
  ledger.uncharge(first, shard: 1)
  var entries = 0
  var position: Int?
  while let (next, holdings) = ledger.users.entry(after: position) {
    entries += 1
    if holdings.client == user, holdings.peak != PageCount(20) { return false }
    position = next
  }
  ledger.totalLimit = PageCount(9)
  guard case .failure = charge(1, .root) else { return false }
  return entries == 4 && ledger.held == PageCount(9)
}
