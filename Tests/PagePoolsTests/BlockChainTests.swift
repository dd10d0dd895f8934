// SPDX-License-Identifier: MIT

import PagePools
import TestSupport
import Testing

struct BlockChainTests {
  let fixture = PoolFixture()

  /// Every sequence of up to six appends, joined chains and pops, against an array.
  @Test func chain_everyShortSequence_behavesAsAnArray() throws {
    let pools = [try fixture.pool(1), try fixture.pool(3)]
    for length in 0...6 {
      let sequences = (0..<length).reduce(1) { count, _ in count * 3 }
      for sequence in 0..<sequences {
        var chain = BlockChain<TestHost>()
        var model: [TestBlock] = []
        var rest = sequence
        for step in 0..<length {
          switch rest % 3 {
          case 0:
            // None, one or two blocks.
            let blocks = try fixture.blocks(step % 3, for: pools[step % 2])
            var other = BlockChain<TestHost>()
            for block in blocks { other.append(block, in: fixture.host) }
            chain.append(other, in: fixture.host)
            model += blocks
          case 1:
            let block = try fixture.blocks(1, for: pools[step % 2])[0]
            chain.append(block, in: fixture.host)
            model.append(block)
          default:
            let block = chain.pop(in: fixture.host)
            #expect(block == model.first)
            if let block {
              model.removeFirst()
              fixture.set.release(block, from: .buffer)
            }
          }
          rest /= 3
          try expect(chain, is: model)
        }
        for block in model { fixture.set.release(block, from: .buffer) }
      }
    }
    fixture.close()
  }

  private func expect(_ chain: BlockChain<TestHost>, is model: [TestBlock]) throws {
    let pages = model.reduce(0) { $0 + fixture.host.size(of: $1).rawValue }
    try #require(fixture.host.blocks(in: chain) == model)
    try #require(chain.blockCount == model.count)
    try #require(chain.pages == PageCount(pages))
    try #require(chain.isEmpty == model.isEmpty)
  }

  @Test func chain_ofOneBlock_hasIt() throws {
    let block = try fixture.blocks(1, for: try fixture.pool(2))[0]
    var chain = BlockChain(block, in: fixture.host)
    #expect(chain.blockCount == 1)
    #expect(chain.pages == PageCount(2))
    #expect(chain.pop(in: fixture.host) == block)
    #expect(chain.pop(in: fixture.host) == nil)
    fixture.set.release(block, from: .buffer)
    fixture.close()
  }

  /// A popped block's link must not lead anywhere: the host may look at it.
  @Test func pop_clearsTheLink() throws {
    let blocks = try fixture.blocks(2, for: try fixture.pool(1))
    var chain = BlockChain<TestHost>()
    for block in blocks { chain.append(block, in: fixture.host) }
    #expect(fixture.host.next(after: blocks[0]) == blocks[1])
    #expect(chain.pop(in: fixture.host) == blocks[0])
    #expect(fixture.host.next(after: blocks[0]) == nil)
    for block in blocks { fixture.set.release(block, from: .buffer) }
    fixture.close()
  }
}
