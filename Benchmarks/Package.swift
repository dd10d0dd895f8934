// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT

import PackageDescription

// A package of its own, so that users of the library do not resolve what only benchmarks need.
let package = Package(
  name: "swift-dma-heaps-benchmarks",
  dependencies: [
    .package(name: "swift-dma-heaps", path: ".."),
    // Without its interposers, which replace malloc and the runtime: here their cost would show.
    .package(url: "https://github.com/ordo-one/benchmark.git", from: "1.38.1", traits: []),
  ],
  targets: [
    .target(name: "CBenchmarkShims"),
    .executableTarget(
      name: "CoreBenchmarks",
      dependencies: [
        "CBenchmarkShims",
        .product(name: "HeapFramework", package: "swift-dma-heaps"),
        .product(name: "PagePools", package: "swift-dma-heaps"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      // The benchmark plugin looks for targets in a folder of this name.
      path: "Benchmarks/CoreBenchmarks",
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableExperimentalFeature("Lifetimes"),
        .enableExperimentalFeature("SuppressedAssociatedTypes"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
      ],
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
    ),
  ]
)
