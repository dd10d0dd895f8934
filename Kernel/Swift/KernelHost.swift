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
  typealias Lock = SpinLock
  typealias Failure = KernelFailure
  typealias Owner = BufferCharge
}

/// A block: a pointer to the `struct page` of its first page, or to anything of that shape.
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

  /// Which pool the block is of, and its size.
  var tag: PoolTag {
    get { PoolTag(word: unsafe words.pointee.tag) }
    nonmutating set { unsafe words.pointee.tag = newValue.word }
  }

  static func == (left: PageBlock, right: PageBlock) -> Bool {
    unsafe left.page == right.page
  }
}

/// A pool and the size of its blocks in a word that is never 0: the pool's properties are the set's to know,
/// but the size is wanted where a lookup would be another cache line.
struct PoolTag: BitwiseCopyable {
  let word: UInt

  init(word: UInt) {
    self.word = word
  }

  init(_ pool: PoolID, _ size: PageCount) {
    word = UInt(pool.index) | UInt(size.rawValue) << UInt(CORE_TAG_PAGES_SHIFT)
  }

  var pool: PoolID { PoolID(index: Int(word & 0xFFFF)) }

  var size: PageCount { PageCount(Int(word >> UInt(CORE_TAG_PAGES_SHIFT))) }
}

/// Where memory comes from, and how it is cut there.
enum PageSourceKind: Equatable {
  /// Powers of two as compound pages: the system heap's.
  case system
  /// Runs of any length: the contiguous heap's.
  case contiguous
  /// Powers of two as compound pages, for another module's pools.
  case other
  /// The region of one of the module's heaps, by its index.
  case region(Int)
}

extension MemoryKind {
  private static let firstRegion = 3

  /// Ordinary memory of the kernel's page allocator, or a region's.
  init(_ source: PageSourceKind) {
    let number =
      switch source {
      case .system: 0
      case .contiguous: 1
      case .other: 2
      case .region(let index): Self.firstRegion + index
      }
    self.init(MemorySource(rawValue: UInt16(number)))
  }

  /// As trace events have it.
  var traced: core_kind {
    switch pageSource {
    case .system: CORE_KIND_SYSTEM
    case .contiguous: CORE_KIND_CONTIGUOUS
    case .other: CORE_KIND_OTHER
    case .region: CORE_KIND_REGION
    }
  }

  var pageSource: PageSourceKind {
    switch source.rawValue {
    case 0: .system
    case 1: .contiguous
    case 2: .other
    default: .region(Int(source.rawValue) - Self.firstRegion)
    }
  }
}

/// Why the kernel has no block.
enum KernelFailure: AllocationFailure {
  /// ENOMEM: the page allocator had no block of that size.
  case noBlock(PageCount)
  /// ENOMEM: the request was refused.
  case refused(Shortage)
  /// EINTR or a restart: the caller is being killed or frozen.
  case interrupted

  init(_ shortage: Shortage) { self = .refused(shortage) }

  var isInterruption: Bool {
    if case .interrupted = self { true } else { false }
  }

  /// When no single page is to be had, nothing less than all that is missing helps; a larger block may
  /// come together from any page that is given back.
  func relief(for asked: PageCount) -> Relief {
    switch self {
    case .noBlock(let size): size == PageCount(1) ? .atLeast(asked) : .about(asked)
    case .refused(let shortage): shortage.relief
    case .interrupted: .none
    }
  }
}

// MARK: - Source of pages

extension KernelHost {
  var pageSize: PageSize { PageSize(shift: Int(glue_page_shift)) }

  func allocate(
    _ count: Int, for pool: PoolID, _ properties: PoolProperties, effort: AllocationEffort,
    into chain: inout BlockChain<KernelHost>
  ) throws(KernelFailure) {
    if case .region(let index) = properties.kind.pageSource {
      return try Core.with { core throws(KernelFailure) in
        try core.region(index).allocate(count, of: properties.blockSize, for: pool, into: &chain)
      }
    }
    var blocks = BlockChain<KernelHost>()
    for _ in 0..<count {
      guard let page = unsafe Self.makeBlock(properties, effort) else {
        release(blocks, properties)
        throw .noBlock(properties.blockSize)
      }
      let block = unsafe PageBlock(page)
      block.tag = PoolTag(pool, properties.blockSize)
      blocks.append(block, in: self)
    }
    chain.append(blocks, in: self)
  }

  private static func makeBlock(
    _ properties: PoolProperties, _ effort: AllocationEffort
  ) -> OpaquePointer? {
    let node = Int32(properties.kind.node.rawValue)
    return switch properties.kind.pageSource {
    case .contiguous:
      unsafe glue_allocate_run(UInt(properties.blockSize.rawValue), effort.level, node)
    case .system, .other:
      unsafe glue_allocate_block(properties.order, effort.level, node)
    case .region:
      preconditionFailure("a region's blocks are its own to make")
    }
  }

  func release(_ blocks: consuming BlockChain<KernelHost>, _ properties: PoolProperties) {
    while let block = blocks.pop(in: self) {
      switch properties.kind.pageSource {
      case .contiguous:
        unsafe glue_free_run(block.page, UInt(properties.blockSize.rawValue))
      case .system:
        unsafe glue_free_block(block.page, properties.order)
      case .other:
        unsafe glue_free_pool_block(block.page, properties.order, block.tag.word)
      case .region(let index):
        Core.with { $0.region(index).give(block) }
      }
    }
  }

  func zero(_ block: PageBlock, _ properties: PoolProperties) -> Bool {
    unsafe glue_zero(block.page, UInt(block.tag.size.rawValue))
  }

  func pool(of block: PageBlock) -> PoolID { block.tag.pool }

  func size(of block: PageBlock) -> PageCount { block.tag.size }

  func next(after block: PageBlock) -> PageBlock? {
    unsafe block.words.pointee.next.map { unsafe PageBlock($0) }
  }

  func setNext(_ next: PageBlock?, after block: PageBlock) {
    unsafe block.words.pointee.next = next?.page
  }

  func previous(before block: PageBlock) -> PageBlock? {
    unsafe block.words.pointee.previous.map { unsafe PageBlock($0) }
  }

  func setPrevious(_ previous: PageBlock?, before block: PageBlock) {
    unsafe block.words.pointee.previous = previous?.page
  }

  var nodeCount: Int { Int(glue_node_count()) }

  var currentNode: Int { Int(glue_current_node()) }

  func trace(_ event: PoolEvent, _ kind: MemoryKind, _ pages: PageCount) {
    let pages = UInt(pages.rawValue)
    switch event {
    case .hit: glue_trace_pool_hit(kind.traced, pages)
    case .miss: glue_trace_pool_miss(kind.traced, pages)
    case .deferred: glue_trace_buffer_defer(kind.traced, pages)
    case .zeroed: glue_trace_block_zero(kind.traced, pages)
    case .refilled: glue_trace_pool_refill(kind.traced, pages)
    // The glue tells of a whole scan.
    case .shrunk: break
    }
  }

  /// All memory is of one page allocator, but regions', which is of use to requests of the same region alone: what is
  /// lent may only be had by those whose pages can be moved.
  func canRelieve(_ failure: KernelFailure, _ wanted: MemoryKind, with kind: MemoryKind) -> Bool {
    switch (wanted.pageSource, kind.pageSource) {
    case (.region(let index), .region(let other)):
      Core.with { $0.region(index).share.region === $0.region(other).share.region }
    case (.region, _), (_, .region): false
    default: true
    }
  }
}

extension AllocationEffort {
  fileprivate var level: core_effort {
    switch self {
    case .none: CORE_EFFORT_NONE
    case .background: CORE_EFFORT_BACKGROUND
    case .direct: CORE_EFFORT_DIRECT
    case .full: CORE_EFFORT_FULL
    }
  }
}

extension PoolProperties {
  /// The order of a pool of powers of two.
  fileprivate var order: UInt32 { UInt32(blockSize.rawValue.trailingZeroBitCount) }
}

// MARK: - Machine

extension KernelHost {
  var currentShard: Int { Int(glue_current_cpu()) }

  var isCallerKilled: Bool { glue_caller_must_stop() }

  func letOthersRun() {
    glue_let_others_run(false)
  }

  func relax() {
    glue_relax()
  }
}

// MARK: - Heaps

extension KernelHost {
  /// The kernel tells of the last reference at once.
  func collectReturned(atMost limit: PageCount) -> Bool { false }

  func wakeWorker() {
    glue_wake_worker()
  }
}
