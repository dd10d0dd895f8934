// SPDX-License-Identifier: MIT

/// One of the names that a heap goes by which a device tree declares (C3, H1).
@frozen
public enum DeclaredName: Sendable, BitwiseCopyable {
  /// What its own node is called.
  case node
  /// What its region's node is called, unit address included.
  case region
  /// One of ``DefaultRegion``.
  case standard(StaticString)

  /// The names of a heap, that which it is listed by first.
  ///
  /// A region's first heap is called as the region is, as kernels call theirs, and that of the default region by what
  /// clients ask for, too. Heaps that follow are called as their own nodes are.
  ///
  /// - Parameters:
  ///   - isDefault: as ``HeapDeclaration/isDefault``.
  ///   - isFirst: whether no heap of the region has been named before.
  ///   - isRegionCalled: whether the region's node is called so: nothing has a name twice.
  public static func all(
    isDefault: Bool, isFirst: Bool, isRegionCalled: (StaticString) -> Bool
  ) -> [DeclaredName] {
    guard isFirst else { return [.node] }
    guard isDefault else { return [.region] }
    let standard = [DefaultRegion.name] + DefaultRegion.aliases
    let names = standard.map { DeclaredName.standard($0) }
    return standard.contains(where: isRegionCalled) ? names : names + [.region]
  }
}
