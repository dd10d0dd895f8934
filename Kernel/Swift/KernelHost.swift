// SPDX-License-Identifier: MIT

internal import Glue
internal import HeapFramework
internal import PagePools

/// The kernel host: what the core runs on inside Linux.
///
/// Blocks are runs of pages, named by their first `struct page`. The host itself is nothing: what it
/// needs to know of a block stands in the block's page, the rest is the kernel's.
struct KernelHost: HeapHost {
  typealias Block = PageBlock
  typealias Attributes = PageKind
  typealias Lock = SpinLock
  typealias Failure = KernelFailure
}

/// A block: a pointer to the `struct page` of its first page.
@safe
struct PageBlock: BitwiseCopyable, Equatable, @unchecked Sendable {
  // Which fields of the page are whose, and under which lock, is the core's contract.
  let page: OpaquePointer

  init(_ page: OpaquePointer) {
    unsafe self.page = page
  }

  /// The words of the page that the core owns while the block is taken.
  var words: UnsafeMutablePointer<core_page> {
    unsafe UnsafeMutablePointer(page)
  }

  static func == (left: PageBlock, right: PageBlock) -> Bool {
    unsafe left.page == right.page
  }
}

/// Whose memory a pool keeps, and how it is cut.
enum PageKind: UInt8, Sendable, BitwiseCopyable {
  /// Powers of two as compound pages: the system heap's.
  case system
  /// Runs of any length: the contiguous heap's.
  case contiguous
  /// Powers of two as compound pages, for another module's pools.
  case other
}

extension PageKind {
  /// As trace events have it.
  var traced: core_kind {
    switch self {
    case .system: CORE_KIND_SYSTEM
    case .contiguous: CORE_KIND_CONTIGUOUS
    case .other: CORE_KIND_OTHER
    }
  }
}

/// Why the kernel has no block.
enum KernelFailure: AllocationFailure {
  /// ENOMEM.
  case outOfMemory
  /// EINTR: the caller has a fatal signal pending.
  case interrupted

  var isRelievedByReclaim: Bool { self == .outOfMemory }
}

// MARK: - Source of pages

extension KernelHost {
  func allocate(
    for pool: PagePool<KernelHost>, effort: AllocationEffort
  ) throws(KernelFailure) -> PageBlock {
    let page =
      switch pool.attributes {
      case .contiguous:
        unsafe glue_allocate_run(UInt(pool.blockSize.rawValue))
      case .system, .other:
        unsafe glue_allocate_block(
          pool.order, effort == .full ? CORE_EFFORT_FULL : CORE_EFFORT_NONE)
      }
    guard let page = unsafe page else { throw .outOfMemory }
    let block = unsafe PageBlock(page)
    unsafe block.words.pointee.tag = pool.tag
    return block
  }

  func release(_ block: PageBlock) {
    let pool = pool(of: block)
    switch pool.attributes {
    case .contiguous:
      unsafe glue_free_run(block.page, UInt(pool.blockSize.rawValue))
    case .system:
      unsafe glue_free_block(block.page, pool.order)
    case .other:
      unsafe glue_free_pool_block(block.page, pool.order, pool.tag)
    }
  }

  func zero(_ block: PageBlock) -> Bool {
    let pool = pool(of: block)
    let pages = UInt(pool.blockSize.rawValue)
    glue_trace_block_zero(pool.attributes.traced, pages)
    return unsafe glue_zero(block.page, pages)
  }

  func pool(of block: PageBlock) -> PagePool<KernelHost> {
    unsafe PagePool(tag: block.words.pointee.tag)
  }

  func next(after block: PageBlock) -> PageBlock? {
    guard let next = unsafe block.words.pointee.link else { return nil }
    return unsafe PageBlock(next)
  }

  func setNext(_ next: PageBlock?, after block: PageBlock) {
    unsafe block.words.pointee.link = next?.page
  }

  var currentShard: Int { Int(glue_current_cpu()) }

  func relax() {
    glue_relax()
  }
}

// MARK: - A pool in a word

extension PagePool<KernelHost> {
  /// Everything about the pool in one word, to be kept in a page or by another module; never 0, as a
  /// block has at least one page.
  var tag: UInt {
    UInt(slot) | UInt(attributes.rawValue) << 16 | UInt(blockSize.rawValue)
      << UInt(CORE_TAG_PAGES_SHIFT)
  }

  /// The pool that a word was made of.
  init(tag: UInt) {
    guard let kind = PageKind(rawValue: UInt8(truncatingIfNeeded: tag >> 16)) else {
      preconditionFailure("a block's tag was overwritten")
    }
    self.init(
      blockSize: PageCount(Int(tag >> UInt(CORE_TAG_PAGES_SHIFT))), attributes: kind,
      slot: Int(tag & 0xFFFF))
  }

  /// The order of a pool of powers of two.
  var order: UInt32 { UInt32(blockSize.rawValue.trailingZeroBitCount) }
}
