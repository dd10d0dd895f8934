// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT

import PackageDescription

// What a user of the library has: this package shows what it makes them resolve, and that importing
// `DMAHeaps` alone is enough.
let package = Package(
  name: "dmaheaps-user",
  dependencies: [.package(name: "swift-dma-heaps", path: "../..")],
  targets: [
    .executableTarget(
      name: "DMAHeapsUser",
      dependencies: [.product(name: "DMAHeaps", package: "swift-dma-heaps")],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
      ])
  ]
)
