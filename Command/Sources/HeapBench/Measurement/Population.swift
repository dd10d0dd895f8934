// SPDX-License-Identifier: MIT

import CMeasurement

/// The ways to bring memory behind a fresh memfd, for a rival row to choose the fastest of.
struct Population: Sendable {
  let name: String
  let rawValue: measurement_population

  /// Whether the memory is there before the first write; a row whose memory is never written may
  /// use no other, for pooled memory is there too.
  let guaranteesMemory: Bool

  static let all = [
    Population(
      name: "posix_fallocate", rawValue: measurement_population_fallocate, guaranteesMemory: true),
    Population(
      name: "MAP_POPULATE", rawValue: measurement_population_map_populate, guaranteesMemory: true),
    Population(
      name: "posix_fallocate+MAP_POPULATE",
      rawValue: measurement_population_fallocate_map_populate, guaranteesMemory: true),
    Population(
      name: "MADV_POPULATE_WRITE", rawValue: measurement_population_populate_write,
      guaranteesMemory: true),
    Population(
      name: "MADV_HUGEPAGE+MADV_POPULATE_WRITE",
      rawValue: measurement_population_huge_populate_write, guaranteesMemory: true),
    Population(
      name: "on demand", rawValue: measurement_population_on_demand, guaranteesMemory: false),
    Population(
      name: "MADV_HUGEPAGE, on demand", rawValue: measurement_population_huge_on_demand,
      guaranteesMemory: false),
  ]

  /// Those that a row may use.
  static func candidates(touched: Bool) -> [Population] {
    all.filter { touched || $0.guaranteesMemory }
  }
}
