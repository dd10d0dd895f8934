// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT

import PackageDescription

/// Settings of every Swift target, as in the library's manifest.
///
/// `SuppressedAssociatedTypes` lets what a provider hands out be noncopyable.
let tests: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("SuppressedAssociatedTypes"),
  .treatAllWarnings(as: .error),
]

/// Everything that ships also marks each unsafe expression.
let common = tests + [.strictMemorySafety()]

// A package of its own, so that users of the library do not resolve what only the command needs.
let package = Package(
  name: "swift-dma-heaps-command",
  products: [
    .executable(name: "dmaheap", targets: ["dmaheap"])
  ],
  dependencies: [
    .package(name: "swift-dma-heaps", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/ordo-one/TextTable", from: "0.0.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    // The measuring: what is measured, how, and what is said of it.
    .target(name: "CMeasurement"),
    .target(
      name: "HeapBench",
      dependencies: [
        "CMeasurement",
        .product(name: "DMAHeaps", package: "swift-dma-heaps"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "TextTable", package: "TextTable"),
      ],
      swiftSettings: common),

    // Reads and writes device trees.
    .systemLibrary(name: "CFDT", providers: [.apt(["libfdt-dev"])]),

    // The command line.
    .executableTarget(
      name: "dmaheap",
      dependencies: [
        "CFDT", "CMeasurement", "HeapBench",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "DMAHeaps", package: "swift-dma-heaps"),
        .product(name: "HeapFramework", package: "swift-dma-heaps"),
        .product(name: "PagePools", package: "swift-dma-heaps"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: common),

    // Tests.
    .testTarget(
      name: "HeapBenchTests",
      dependencies: [
        "CMeasurement", "HeapBench", .product(name: "DMAHeaps", package: "swift-dma-heaps"),
      ],
      swiftSettings: tests),
    .testTarget(
      name: "dmaheapTests",
      dependencies: [
        "CFDT", "HeapBench", "dmaheap", .product(name: "DMAHeaps", package: "swift-dma-heaps"),
        .product(name: "HeapFramework", package: "swift-dma-heaps"),
        .product(name: "PagePools", package: "swift-dma-heaps"),
      ],
      swiftSettings: tests),
  ]
)
