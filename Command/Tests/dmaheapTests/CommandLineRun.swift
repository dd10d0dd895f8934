// SPDX-License-Identifier: MIT

import Foundation

/// One run of the built executable.
struct CommandLineRun {
  let exitCode: Int32
  let output: String
  let errors: String

  /// Runs `dmaheap`, which is built beside the tests.
  init(_ arguments: [String]) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dmaheap-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files, not pipes: whoever reads two pipes one after the other may wait forever.
    let output = folder.appendingPathComponent("output")
    let errors = folder.appendingPathComponent("errors")
    exitCode = try Self.spawn(
      try Self.executable().path, arguments, output: output.path, errors: errors.path)
    self.output = try Self.text(of: output.path)
    self.errors = try Self.text(of: errors.path)
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

  struct SpawnFailure: Error {
    let errorNumber: Int32
  }

  /// Runs a program to its end.
  ///
  /// `Foundation.Process` would do, but leaks, which fails the tests under the address sanitizer.
  private static func spawn(
    _ program: String, _ arguments: [String], output: String, errors: String
  ) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, flags, 0o600)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, flags, 0o600)
    var process: pid_t = 0
    let errorNumber = withCStrings([program] + arguments) { arguments in
      withCStrings(environment) { environment in
        posix_spawn(&process, program, &actions, nil, arguments, environment)
      }
    }
    guard errorNumber == 0 else { throw SpawnFailure(errorNumber: errorNumber) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw SpawnFailure(errorNumber: errno) }
    }
    // As a shell does: what a signal ended is over 128.
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }

  /// What the program sees: the tests' environment, without a search for leaks, which would find
  /// what the argument parser does not free before it exits.
  private static var environment: [String] {
    let inherited = ProcessInfo.processInfo.environment
      .filter { $0.key != "ASAN_OPTIONS" }
      .map { "\($0.key)=\($0.value)" }
    return inherited + ["ASAN_OPTIONS=detect_leaks=0"]
  }

  /// Reads a file, empty ones too: `Data` leaks a page for each of those.
  private static func text(of path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SpawnFailure(errorNumber: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &piece, piece.count)
      guard count >= 0 else { throw SpawnFailure(errorNumber: errno) }
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece[..<count]
    }
  }

  private static func withCStrings<R>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R
  ) -> R {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }

  private static func executable() throws -> URL {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var searched: [String] = []
    // A runner may lie in the products' folder, the bundle itself, or be named on the command line.
    for path in [tests] + CommandLine.arguments.filter({ $0.contains(".xctest") }) {
      var folder = URL(fileURLWithPath: path)
      for _ in 0..<4 {
        folder.deleteLastPathComponent()
        let file = folder.appendingPathComponent("dmaheap")
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder),
          !isFolder.boolValue
        {
          return file
        }
        searched.append(file.path)
      }
    }
    throw NoExecutable(searched: searched)
  }
}
