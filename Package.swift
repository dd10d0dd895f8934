// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT

import PackageDescription

/// Settings of every Swift target.
///
/// `Lifetimes` lets a property hand out a span that borrows its owner. `SuppressedAssociatedTypes`
/// lets the host's lock be noncopyable, so that it lives inside the memory it guards.
let tests: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .treatAllWarnings(as: .error),
]

/// Everything that ships also marks each unsafe expression.
let common = tests + [.strictMemorySafety()]

/// The core also builds as Embedded Swift (`make embedded`); this keeps ordinary builds honest.
let core: [SwiftSetting] =
  common + [
    .treatWarning("EmbeddedRestrictions", as: .error)
  ]

let system: Target.Dependency = .product(
  name: "SystemPackage", package: "swift-system", condition: .when(traits: ["SwiftSystem"]))

let package = Package(
  name: "swift-dma-heaps",
  products: [
    .library(name: "DMAHeaps", targets: ["DMAHeaps"]),
    .library(name: "PagePools", targets: ["PagePools"]),
    .library(name: "HeapFramework", targets: ["HeapFramework"]),
    .executable(name: "heap-checks", targets: ["HeapChecks"]),
    .executable(name: "process-checks", targets: ["ProcessChecks"]),
  ],
  traits: [
    // Off unless asked for: whoever does without it does not get the package, either.
    .trait(
      name: "SwiftSystem", description: "Descriptors to and from swift-system's FileDescriptor.")
  ],
  // Whoever uses the library resolves these, so what only the command needs is in its own package.
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
  ],
  targets: [
    // The core: every decision, no I/O. Runs in userspace and in the kernel.
    .target(name: "PagePools", swiftSettings: core),
    .target(name: "HeapFramework", dependencies: ["PagePools"], swiftSettings: core),

    // The userspace host.
    .target(name: "CLinuxShims"),
    .target(
      name: "LinuxHost",
      dependencies: [
        "CLinuxShims", "HeapFramework", "PagePools",
        .product(name: "HeapModule", package: "swift-collections"),
      ],
      swiftSettings: common),
    .target(
      name: "DMAHeaps",
      dependencies: ["HeapFramework", "LinuxHost", "PagePools", system],
      swiftSettings: common),

    // Tests.
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .testTarget(
      name: "LinuxHostTests",
      dependencies: [
        "CLinuxShims", "CTestSupport", "HeapFramework", "LinuxHost", "PagePools", "TestSupport",
      ],
      swiftSettings: tests),
    .testTarget(
      name: "DMAHeapsTests",
      dependencies: [
        "CLinuxShims", "CTestSupport", "DMAHeaps", "HeapFramework", "LinuxHost", "PagePools",
        "TestSupport",
      ],
      swiftSettings: tests),

    // What a program can write that imports the library alone.
    .testTarget(name: "DMAHeapsCanary", dependencies: ["DMAHeaps", system], swiftSettings: tests),

    // Tests of the core, on a host that traps on misuse and fails on request.
    .target(
      name: "TestSupport", dependencies: ["HeapFramework", "PagePools"], path: "Tests/TestSupport",
      swiftSettings: tests),
    .testTarget(
      name: "PagePoolsTests", dependencies: ["PagePools", "TestSupport"], swiftSettings: tests),
    .testTarget(
      name: "HeapFrameworkTests", dependencies: ["HeapFramework", "PagePools", "TestSupport"],
      swiftSettings: tests),

    // Checks of a kernel's heaps, which run in a virtual machine.
    .target(name: "CHeapChecks", path: "Tests/CHeapChecks"),
    .executableTarget(
      name: "HeapChecks",
      dependencies: ["CHeapChecks", "CLinuxShims", "CTestSupport", "TestSupport"],
      path: "Tests/HeapChecks", swiftSettings: tests),

    // Checks of the library that need another kernel, in a virtual machine, too.
    .executableTarget(
      name: "ProcessChecks", dependencies: ["CTestSupport", "DMAHeaps"],
      path: "Tests/ProcessChecks", swiftSettings: tests),
  ]
)
