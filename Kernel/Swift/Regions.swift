// SPDX-License-Identifier: MIT

// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions that C calls have the names of `glue.h`.

// Regions: memory that the module has, or may claim, for heaps of its own (C1, C2).

internal import Glue
internal import HeapFramework
internal import PagePools

/// A region's memory, and the heap that it is for.
///
/// Its pages are numbered as the kernel numbers page frames.
struct KernelRegion: Sendable {
  /// What the heap's node is called.
  let name: CText

  let share: RegionShare<KernelHost>

  /// Whether the kernel has it while it is free.
  let isLent: Bool

  /// A region whose memory the module has, or may claim.
  ///
  /// - Parameter heaps: of which one may have the same memory.
  /// - Throws: `.invalidArgument` for what ``RegionRules`` do not allow.
  init(_ given: core_region, in heaps: borrowing OwnHeaps) throws(Errno) {
    guard let text = unsafe given.name else { throw .invalidArgument }
    name = unsafe CText(kept: text)
    let frames = Int(unsafe given.first_frame)..<Int(unsafe given.first_frame + given.pages)
    let region = heaps.region(of: frames) ?? Region<KernelHost>(frames)
    isLent = unsafe given.is_lent
    let cut: RegionCut
    do throws(DeclarationProblem) {
      let pages = PageCount(Int(unsafe given.pages))
      cut = try RegionCut(
        chunkBytes: unsafe given.chunk_bytes, from: UInt64(KernelHost().pageSize.bytes(in: pages)))
    } catch {
      throw .invalidArgument
    }
    share = RegionShare(of: region, cut: cut)
  }

  /// What the memory is like: free when it is zeroed, or, where it is lent, zeroed when it is claimed.
  ///
  /// What is in stock helps others when it is given back only if the kernel can lend it.
  func kind(_ source: PageSourceKind) -> MemoryKind {
    var kind = MemoryKind(source)
    kind.keeping = isLent ? .counted : .keptZeroed
    if case .chunks = share.cut { kind.keeping.insert(.stocked) }
    kind.node = MemoryNode(
      rawValue: Int16(glue_frame_node(UInt(share.region.pages.lowerBound))))
    return kind
  }

  /// Gets blocks, all or none.
  func allocate(
    _ count: Int, of size: PageCount, for pool: PoolID, into chain: inout BlockChain<KernelHost>
  ) throws(KernelFailure) {
    try share.allocate(
      count, of: size, into: &chain, on: KernelHost(),
      makeBlock: { frames in
        guard !isLent || glue_claim(UInt(frames.lowerBound), UInt(frames.count)) else { return nil }
        guard let page = unsafe glue_page(UInt(frames.lowerBound)) else {
          preconditionFailure("a region's frames have pages")
        }
        let block = unsafe PageBlock(page)
        block.tag = PoolTag(pool, PageCount(frames.count))
        return block
      },
      forget: unmake)
  }

  /// Takes a block back, without those of its pages that the kernel has found faulty.
  ///
  /// What zeroed the block has stopped at the first of these.
  func give(_ block: PageBlock) {
    var rest = unmake(block)
    // Of what it is given back, the kernel keeps back the faulty pages.
    guard !isLent else { return share.region.give(rest) }
    var healthy = rest.lowerBound..<Self.firstFaulty(in: rest)
    guard healthy != rest else { return share.region.give(rest) }
    while !rest.isEmpty {
      if !healthy.isEmpty {
        _ = unsafe glue_zero(glue_page(UInt(healthy.lowerBound)), UInt(healthy.count))
        share.region.give(healthy)
      }
      rest = min(healthy.upperBound + 1, rest.upperBound)..<rest.upperBound
      healthy = rest.lowerBound..<Self.firstFaulty(in: rest)
    }
  }

  /// The frames that a block stood for, which the kernel has again if they are lent.
  private func unmake(_ block: PageBlock) -> Range<Int> {
    let first = Int(unsafe glue_frame(block.page))
    let frames = first..<first + block.tag.size.rawValue
    if isLent { glue_unclaim(UInt(frames.lowerBound), UInt(frames.count)) }
    return frames
  }

  /// The first faulty page's frame, or the range's end.
  private static func firstFaulty(in frames: Range<Int>) -> Int {
    Int(glue_first_faulty(UInt(frames.lowerBound), UInt(frames.upperBound)))
  }
}

extension Core {
  /// The region of a heap, which has one.
  func region(_ index: Int) -> KernelRegion {
    guard let region = heaps[index].region else { preconditionFailure("the heap is a region's") }
    return region
  }
}

extension RegionCut {
  /// - Parameter chunkBytes: 0 for runs.
  fileprivate init(
    chunkBytes: UInt64, from byteCount: UInt64
  ) throws(DeclarationProblem) {
    let pageSize = KernelHost().pageSize
    if chunkBytes == 0 {
      self = .runs
    } else {
      let order = try RegionRules.order(ofBytes: chunkBytes, pageSize)
      self = try RegionRules.cut(order, from: byteCount, pageSize)
    }
  }
}

/// Whether there can be such a region; see `glue.h`.
///
/// - Context: any; takes no lock.
@c @implementation
func core_check_region(_ byteCount: UInt64, _ chunkBytes: UInt64) -> core_region_problem {
  do throws(DeclarationProblem) {
    _ = try RegionRules.pages(byteCount, KernelHost().pageSize)
    _ = try RegionCut(chunkBytes: chunkBytes, from: byteCount)
    return CORE_REGION_IS_FINE
  } catch {
    return switch error {
    case .noPowerOfTwoPages: CORE_REGION_CHUNK_IS_NO_POWER_OF_TWO
    case .exceedsRegion: CORE_REGION_CHUNK_IS_TOO_LARGE
    case .tooLarge: CORE_REGION_IS_TOO_LARGE
    default: CORE_REGION_IS_NO_PAGES
    }
  }
}
