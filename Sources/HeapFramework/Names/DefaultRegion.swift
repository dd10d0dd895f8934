// SPDX-License-Identifier: MIT

/// What clients call the heap of the region that contiguous memory comes from unless another is asked for (H1).
public enum DefaultRegion {
  /// As kernels name it from 6.17 on.
  public static var name: StaticString { "default_cma_region" }

  /// What kernels before and vendors' have called it, and clients still ask for.
  public static var aliases: [StaticString] { ["linux,cma", "reserved", "cma"] }
}
