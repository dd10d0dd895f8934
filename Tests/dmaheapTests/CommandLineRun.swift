// SPDX-License-Identifier: MIT

import Foundation

/// One run of the built executable.
struct CommandLineRun {
  let exitCode: Int32
  let output: String
  let errors: String

  /// Runs `dmaheap`, which is built beside the tests.
  init(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = try Self.executable()
    process.arguments = arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Errors are one line and fit into the pipe, so reading one after the other cannot block.
    self.output = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    self.errors = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    exitCode = process.terminationStatus
  }

  /// Every line of the output as a JSON object.
  func objects() throws -> [[String: Any]] {
    try output.split(separator: "\n").map { line in
      guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      else { throw NotAnObject(line: String(line)) }
      return object
    }
  }

  /// Whether the errors are one line in the usual form.
  var hasOneErrorLine: Bool {
    errors.hasPrefix("dmaheap: error: ") && errors.filter(\.isNewline).count == 1
      && errors.hasSuffix("\n")
  }

  struct NotAnObject: Error {
    let line: String
  }

  struct NoExecutable: Error {
    let searched: [String]
  }

  private static func executable() throws -> URL {
    var searched: [String] = []
    let candidates = [Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0])]
    for var folder in candidates + Bundle.allBundles.map(\.bundleURL) {
      for _ in 0..<4 {
        let file = folder.appendingPathComponent("dmaheap")
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder),
          !isFolder.boolValue
        {
          return file
        }
        searched.append(file.path)
        folder.deleteLastPathComponent()
      }
    }
    throw NoExecutable(searched: searched)
  }
}
