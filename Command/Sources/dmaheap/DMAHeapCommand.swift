// SPDX-License-Identifier: MIT

import ArgumentParser
import Foundation

/// The root command.
@main
struct DMAHeapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dmaheap",
    abstract: "Allocate, measure and observe shareable zeroed memory from named heaps.",
    discussion: """
      EXAMPLES
        dmaheap heaps                     the heaps, and why some are absent
        dmaheap alloc --size 32M --verify one buffer, checked to be zero
        dmaheap bench                     the benchmark, against plain memfd calls
        dmaheap bench --source kernel     the same on the kernel's heaps
        dmaheap stat --burst 100          the pools after a hundred buffers at once

      Sizes are bytes, or end in K, M, G or T (KiB, MiB, GiB, TiB; 1 K = 1024 bytes).
      Exit status: 0 success, 1 failure, 64 wrong usage.
      """,
    version: Version.current,
    subcommands: [HeapsCommand.self, AllocCommand.self, BenchCommand.self, StatCommand.self])

  /// Runs the command that the arguments name.
  ///
  /// Not the parser's own: its errors take several lines, and one line is what logs and scripts
  /// can use.
  static func main() {
    // A reader that has gone shows when writing fails, and is told of as any other failure.
    signal(SIGPIPE, SIG_IGN)
    do {
      try ProcessInformation.check()
      try run()
    } catch {
      let arguments = error is ProcessInformation.Missing ? [] : CommandLine.arguments
      StandardError.write(ErrorLine.line(message(for: error), arguments: arguments))
      Foundation.exit(exitCode(for: error).rawValue)
    }
  }

  private static func run() throws {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch  where exitCode(for: error).isSuccess {
      // Help, the version, or completions.
      try Output.line(fullMessage(for: error))
    }
  }
}
