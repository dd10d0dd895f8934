// SPDX-License-Identifier: MIT

import Foundation

/// One run of the built executable.
struct CommandLineRun {
  let exitCode: Int32
  let output: String
  let errors: String

  /// What is different from an ordinary run.
  struct Setting {
    /// A program that runs the command, which it gets as its last arguments; nil if the command is run itself.
    var launcher: [String] = []

    /// What output goes to instead of `output`.
    var output: Output?

    enum Output {
      case file(String)
      case descriptor(Int32)
    }

    /// Set in place of what the tests' environment has.
    var environment: [String: String] = [:]

    /// Where input comes from and errors go, a terminal.
    var terminal: String?
  }

  /// Runs `dmaheap`, which is built beside the tests.
  init(_ arguments: [String], _ setting: Setting = Setting()) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dmaheap-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files, not pipes: whoever reads two pipes one after the other may wait forever.
    let output = folder.appendingPathComponent("output")
    let errors = folder.appendingPathComponent("errors")
    let words = setting.launcher + [try Self.executable().path] + arguments
    exitCode = try Self.spawn(
      words, output: setting.output ?? .file(output.path), errors: errors.path, setting)
    self.output = setting.output == nil ? try Self.text(of: output.path) : ""
    self.errors = setting.terminal == nil ? try Self.text(of: errors.path) : ""
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

  /// Runs another program to its end, without any output.
  static func status(of words: [String]) throws -> Int32 {
    try spawn(words, output: .file("/dev/null"), errors: "/dev/null", Setting())
  }

  /// Runs another program to its end.
  ///
  /// - Throws: unless its status is 0.
  /// - Returns: its output.
  static func output(of words: [String]) throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/output-\(UUID().uuidString)"
    defer { unlink(path) }
    let status = try spawn(words, output: .file(path), errors: "/dev/null", Setting())
    guard status == 0 else { throw ProgramFailure(words: words, status: status) }
    return try text(of: path)
  }

  struct ProgramFailure: Error {
    let words: [String]
    let status: Int32
  }

  /// Runs a program to its end.
  ///
  /// `Foundation.Process` would do, but leaks, which fails the tests under the address sanitizer.
  private static func spawn(
    _ words: [String], output: Setting.Output, errors: String, _ setting: Setting
  ) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    let input = setting.terminal ?? "/dev/null"
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY | O_NOCTTY, 0)
    switch output {
    case .file(let path):
      posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path, flags, 0o600)
    case .descriptor(let descriptor):
      posix_spawn_file_actions_adddup2(&actions, descriptor, STDOUT_FILENO)
    }
    posix_spawn_file_actions_addopen(
      &actions, STDERR_FILENO, setting.terminal ?? errors, flags | O_NOCTTY, 0o600)
    // As a shell starts it, whatever the tests' runner ignores.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var process: pid_t = 0
    let errorNumber = withCStrings(words) { arguments in
      withCStrings(environment(with: setting.environment)) { environment in
        posix_spawnp(&process, words[0], &actions, &attributes, arguments, environment)
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
  private static func environment(with changes: [String: String]) -> [String] {
    ProcessInfo.processInfo.environment
      .merging(["ASAN_OPTIONS": "detect_leaks=0"]) { $1 }
      .merging(changes) { $1 }
      .map { "\($0.key)=\($0.value)" }
  }

  /// Reads a file, empty ones too: `Data` leaks a page for each of those.
  private static func text(of path: String) throws -> String {
    String(decoding: try bytes(of: path), as: UTF8.self)
  }

  /// Reads a file.
  static func bytes(of path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SpawnFailure(errorNumber: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &piece, piece.count)
      guard count >= 0 else { throw SpawnFailure(errorNumber: errno) }
      guard count > 0 else { return bytes }
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
