// SPDX-License-Identifier: MIT

import CMeasurement
import Foundation

/// The ways to bring memory behind a fresh memfd, for a rival row to choose the fastest of.
struct Population: Sendable {
  let name: String
  let rawValue: measurement_population

  /// Whether the memory is there before the first write; a row whose memory is never written may
  /// use no other, for pooled memory is there too.
  let guaranteesMemory: Bool

  /// Whether it is worth trying without a mapping, for descriptors: where one is needed, it is made and
  /// unmapped.
  let suitsDescriptors: Bool

  /// The way that works everywhere, without a mapping.
  static let reserving = Population(
    name: "posix_fallocate", rawValue: measurement_population_fallocate, guaranteesMemory: true,
    suitsDescriptors: true)

  /// The plain ways.
  static let all = [
    reserving,
    Population(
      name: "MAP_POPULATE", rawValue: measurement_population_map_populate, guaranteesMemory: true,
      suitsDescriptors: false),
    Population(
      name: "posix_fallocate+MAP_POPULATE",
      rawValue: measurement_population_fallocate_map_populate, guaranteesMemory: true,
      suitsDescriptors: false),
    Population(
      name: "MADV_POPULATE_WRITE", rawValue: measurement_population_populate_write,
      guaranteesMemory: true, suitsDescriptors: true),
    Population(
      name: "MADV_HUGEPAGE+MADV_POPULATE_WRITE",
      rawValue: measurement_population_huge_populate_write, guaranteesMemory: true,
      suitsDescriptors: true),
    Population(
      name: "on demand", rawValue: measurement_population_on_demand, guaranteesMemory: false,
      suitsDescriptors: true),
    Population(
      name: "MADV_HUGEPAGE, on demand", rawValue: measurement_population_huge_on_demand,
      guaranteesMemory: false, suitsDescriptors: false),
  ]

  /// The best way that needs no library: huge pages where nobody has allowed them, made of one ordinary page
  /// in every 2 MiB (Linux 6.1).
  static let collapsing = Population(
    name: "MADV_COLLAPSE", rawValue: measurement_population_collapse, guaranteesMemory: true,
    suitsDescriptors: true)

  /// The least that a huge page can be made of.
  static let hugePageByteCount = 2 << 20

  /// Those that a row may use.
  static func candidates(
    touched: Bool, interface: AllocationInterface, hugePages: Bool = allowsHugePages
  ) -> [Population] {
    all.filter {
      (touched || $0.guaranteesMemory) && (interface == .buffer || $0.suitsDescriptors)
        && (hugePages || !$0.name.hasPrefix("MADV_HUGEPAGE"))
    }
  }

  /// Whether memfds may have huge pages where a program asks for them.
  ///
  /// - Source: Linux, Documentation/admin-guide/mm/transhuge.rst, `shmem_enabled`.
  static let allowsHugePages: Bool = {
    let path = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
    // Where the kernel does not say, trying costs little.
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return true }
    return !text.contains("[never]") && !text.contains("[deny]")
  }()
}
