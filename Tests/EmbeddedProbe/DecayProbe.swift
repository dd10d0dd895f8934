// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools

/// Whether memory that nobody uses goes back, and blocks are limited in number, as Embedded Swift.
func decayHolds(_ memory: BufferMemory<ProbeHost>, _ host: ProbeHost) -> Bool {
  let pools = memory.pools
  let kind = MemoryKind(
    MemorySource(rawValue: 7), keeping: [.pooledAndDeferred, .countedByBlock])
  guard let pool = pools.addPool(blockSize: PageCount(1), kind: kind) else { return false }
  defer { pools.destroy(pool) }
  var refill = RefillPace(pause: 10, poolCapacity: pools.poolCapacity)
  var decay = DecayPace(interval: 100, poolCapacity: pools.poolCapacity)
  guard memory.workerTurn(&refill, &decay, now: 20) == .mayRest(until: nil) else { return false }
  pools.setBlockLimit(3)
  for _ in 0..<4 {
    guard let block = try? pools.allocate(for: pool, effort: .full) else { return false }
    pools.give(block, from: .buffer)
  }
  guard pools.countedBlocks == 3, pools.isDecayDue, !pools.isDecayDue else { return false }
  guard memory.workerTurn(&refill, &decay, now: 20) == .mayRest(until: 120) else { return false }
  while memory.workerTurn(&refill, &decay, now: 120) == .worked {}
  return pools.blockCount(of: pool) == 1 && memory.relievePressure() == PageCount(1)
}

/// Whether admissions hold as Embedded Swift.
func admissionHolds() -> Bool {
  let policy = MemoryPolicy(memory: PageCount(3200), pageSize: PageSize(shift: 12))
  var control = AdmissionControl(longestAge: 10)
  var polling = PressurePolling(interval: 10)
  guard !control.admit(PageCount(1), effort: .full, now: 0) else { return false }
  let look = control.beginLook()
  let missing = control.admit(
    PageCount(1), effort: .full, seeing: PageCount(1701), of: policy, in: look, now: 0)
  guard missing == .zero, control.admit(PageCount(100), effort: .full, now: 9),
    !control.admit(PageCount(1), effort: .full, now: 9)
  else { return false }
  control.finish(PageCount(101))
  return polling.turn(isAnythingKept: true, now: 0).isDue && policy.isShort(available: .zero)
}
