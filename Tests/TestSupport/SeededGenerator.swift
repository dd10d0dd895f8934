// SPDX-License-Identifier: MIT

import Glibc

/// Numbers that a seed determines (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts the sequence of `seed`.
  public init(seed: UInt64) {
    state = seed
  }

  /// Starts the sequence of the seed in `DMAHEAP_TEST_SEED`, or of a new seed, and prints which.
  ///
  /// It is printed at once: a trap leaves no other chance.
  public init(for test: String) {
    let seed = environmentNumber("DMAHEAP_TEST_SEED") ?? UInt64.random(in: 1...UInt64.max)
    print("\(test): replay with DMAHEAP_TEST_SEED=\(seed)")
    self.init(seed: seed)
  }

  /// The next number of the sequence.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number below `bound`, which is 1 or more.
  public mutating func below(_ bound: Int) -> Int {
    Int(next() % UInt64(bound))
  }

  /// True once in `count` times.
  public mutating func oneIn(_ count: Int) -> Bool {
    below(count) == 0
  }
}

/// How much work long tests do here.
public enum TestScale {
  /// Whether a sanitizer watches, which makes everything ten times slower.
  public static let isSanitized = isLinked("__tsan_init") || isLinked("__asan_init")

  /// Operations of a random run: `DMAHEAP_TEST_OPERATIONS`, or a million in release builds, a
  /// tenth of it in debug builds, and 30 000 under sanitizers.
  public static var operations: Int {
    if let asked = environmentNumber("DMAHEAP_TEST_OPERATIONS") { return Int(clamping: asked) }
    if isSanitized { return 30_000 }
    return isReleaseBuild ? 1_000_000 : 100_000
  }

  /// Whether the tests are compiled with optimisation.
  public static var isReleaseBuild: Bool {
    #if DEBUG
    false
    #else
    true
    #endif
  }

  private static func isLinked(_ symbol: String) -> Bool {
    // SAFETY: the address is compared with nil only. A nil handle is `RTLD_DEFAULT`.
    unsafe dlsym(nil, symbol) != nil
  }
}

/// The number that an environment variable has; nil where it has none.
public func environmentNumber(_ name: String) -> UInt64? {
  // SAFETY: the string is copied before anyone could change the environment; tests do not.
  guard let value = unsafe getenv(name) else { return nil }
  return UInt64(unsafe String(cString: value))
}
