// SPDX-License-Identifier: MIT

import ArgumentParser
import DMAHeaps

/// Heaps beyond those that every process has.
struct HeapsFileOption: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "TOML file that sets regions aside, with heaps of their own.",
      discussion: """
        [[region]] has a name and a size; [[heap]] a name, a memory-region, aliases if any, and an \
        alignment if its buffers are made of chunks of that size.
        """, valueName: "file"),
    completion: .file(extensions: ["toml"]))
  var path: String?

  /// The defaults, with the file's regions.
  func makeConfiguration() throws -> HeapSystem.Configuration {
    var configuration = HeapSystem.Configuration()
    if let path { configuration.regions = try HeapsFile(path: path).regions }
    return configuration
  }
}
