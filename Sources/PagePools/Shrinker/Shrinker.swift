// SPDX-License-Identifier: MIT

/// Something that can give memory back when it is short (P5, D4).
///
/// The two calls and their special answers are those of the kernel's shrinkers, so one
/// implementation serves both hosts.
///
/// - Source: linux 6.1 include/linux/shrinker.h:38-58.
public protocol Shrinker {
  /// How much could be freed now. A hint: it may be out of date at once.
  ///
  /// - Context: does not block.
  func count() -> ShrinkCount

  /// Frees at least `target` pages, or all there are.
  ///
  /// - Context: no lock held; may block.
  func scan(_ target: PageCount) -> ShrinkOutcome
}

/// A shrinker's answer to "how much could be freed".
@frozen
public enum ShrinkCount: Equatable, Sendable, BitwiseCopyable {
  /// Nothing at all (the kernel's `SHRINK_EMPTY`).
  case empty

  /// This many pages, 1 or more.
  case pages(PageCount)

  /// `empty` for no pages.
  @inlinable
  public init(_ pages: PageCount) {
    self = pages > .zero ? .pages(pages) : .empty
  }

  /// Pages that could be freed, 0 for `empty`.
  @inlinable
  public var pages: PageCount {
    switch self {
    case .empty: .zero
    case .pages(let pages): pages
    }
  }
}

/// A shrinker's answer to "free this much".
@frozen
public enum ShrinkOutcome: Equatable, Sendable, BitwiseCopyable {
  /// Nothing could be freed; do not call again now (the kernel's `SHRINK_STOP`).
  case stop

  /// This many pages were freed, 1 or more.
  case freed(PageCount)

  /// `stop` for no pages.
  @inlinable
  public init(_ pages: PageCount) {
    self = pages > .zero ? .freed(pages) : .stop
  }

  /// Pages freed, 0 for `stop`.
  @inlinable
  public var pages: PageCount {
    switch self {
    case .stop: .zero
    case .freed(let pages): pages
    }
  }
}
