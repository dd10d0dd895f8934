// SPDX-License-Identifier: MIT

import Foundation
import HeapBench
import Testing

@testable import dmaheap

/// What the built command does where something is in its way.
@Suite struct RobustnessTests {
  private static let commands = [
    ["heaps"], ["heaps", "--json"], ["alloc", "--size", "4K"], ["alloc", "--size", "4K", "--json"],
    ["stat", "--size", "4K"], ["bench", "--size", "4K", "--iterations", "20"],
    ["bench", "--size", "4K", "--iterations", "20", "--json"], ["--help"], ["bench", "--help"],
    ["--version"], ["--generate-completion-script", "bash"],
  ]

  // MARK: Output

  @Test(arguments: commands)
  func fullDisk_isOneLineAndExitCode1(arguments: [String]) throws {
    var setting = CommandLineRun.Setting()
    setting.output = .file("/dev/full")
    let run = try CommandLineRun(arguments, setting)
    #expect(run.exitCode == 1)
    #expect(
      run.errors
        == "dmaheap: error: cannot write to standard output: No space left on device\n")
  }

  @Test(arguments: commands)
  func closedPipe_isOneLineAndExitCode1(arguments: [String]) throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("dmaheap-\(UUID().uuidString)").path
    try #require(mkfifo(path, 0o600) == 0)
    defer { unlink(path) }
    // Not pipe(2): another test's command, started meanwhile, would keep the reading end open.
    let reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    let writer = open(path, O_WRONLY | O_CLOEXEC)
    defer { close(writer) }
    try #require(reader >= 0 && writer >= 0)
    close(reader)
    var setting = CommandLineRun.Setting()
    setting.output = .descriptor(writer)
    let run = try CommandLineRun(arguments, setting)
    #expect(run.exitCode == 1)
    #expect(run.errors == "dmaheap: error: cannot write to standard output: Broken pipe\n")
  }

  @Test func fullDiskForThePlot_isOneLineAndExitCode1() throws {
    let run = try CommandLineRun([
      "bench", "--size", "4K", "--iterations", "20", "--no-fresh", "--plot", "/dev/full",
    ])
    #expect(run.exitCode == 1)
    #expect(run.errors == "dmaheap: error: cannot write to '/dev/full': No space left on device\n")
  }

  // MARK: Terminals

  /// What a terminal of a kind is sent while memory is held, which takes long enough for somebody to wonder.
  private func sent(toTerminal kind: String?) throws -> String {
    let controller = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(controller >= 0)
    defer { close(controller) }
    // TIOCSPTLCK and TIOCGPTN: what unlockpt and ptsname do.
    var number: Int32 = 0
    try #require(ioctl(controller, 0x4004_5431, &number) == 0)
    try #require(ioctl(controller, 0x8004_5430, &number) == 0)
    let name = "/dev/pts/\(number)"
    // Kept open, or what was written goes with the command.
    let terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(terminal >= 0)
    defer { close(terminal) }
    var setting = CommandLineRun.Setting()
    setting.terminal = name
    setting.environment = ["TERM": kind ?? ""]
    #expect(try CommandLineRun(["alloc", "--size", "4K", "--hold", "1.2"], setting).exitCode == 0)
    var bytes = [UInt8](repeating: 0, count: 4096)
    #expect(fcntl(controller, F_SETFL, O_NONBLOCK) == 0)
    let count = read(controller, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }

  @Test func terminal_isToldOfTheProgress() throws {
    let text = try sent(toTerminal: "xterm")
    #expect(text.contains("\u{1B}[Kholding 1 times 4 KiB"))
    #expect(text.hasSuffix("\r\u{1B}[K"), "nothing stays")
  }

  @Test(arguments: ["dumb", nil])
  func terminalWithoutEscapeCodes_isSentNothing(kind: String?) throws {
    #expect(try sent(toTerminal: kind) == "")
  }

  @Test func noTerminal_getsNoEscapeCodes() throws {
    let run = try CommandLineRun(["alloc", "--size", "4K", "--hold", "0.8"])
    #expect(run.errors == "")
    #expect(!run.output.contains("\u{1B}"))
  }

  @Test(arguments: [
    ["alloc", "--heap", "a\u{1B}[31m\nb\u{7}"], ["alloc", "--size", "\u{1B}]0;title\u{7}"],
    ["alloc", "--size=\r\u{9B}2J"], ["\u{1B}c"],
    ["bench", "--plot", "/no-such-folder/\u{1B}[2J\n"],
  ])
  func controlCharacters_areShownNotObeyed(arguments: [String]) throws {
    let run = try CommandLineRun(arguments)
    #expect(run.exitCode != 0)
    #expect(run.hasOneErrorLine, "\(run.errors.debugDescription)")
    let obeyed = run.errors.dropLast().unicodeScalars.filter {
      $0.properties.generalCategory == .control
    }
    #expect(obeyed.isEmpty, "\(run.errors.debugDescription)")
    #expect(run.errors.contains(#"\u{"#))
  }

  // MARK: The machine

  private static let withoutProcesses = [
    "unshare", "--map-root-user", "--mount", "sh", "-c",
    #"mount -t tmpfs none /proc && exec "$0" "$@""#,
  ]

  private static var canHideProcesses: Bool {
    // A sanitizer's own runtime cannot do without.
    guard let program = dlopen(nil, RTLD_NOW) else { return false }
    defer { dlclose(program) }
    guard dlsym(program, "__asan_init") == nil, dlsym(program, "__tsan_init") == nil else {
      return false
    }
    return (try? CommandLineRun.status(of: withoutProcesses + ["true"])) == 0
  }

  @Test(
    .enabled(if: canHideProcesses, "needs a user namespace and no sanitizer"),
    arguments: [["heaps"], ["alloc"], ["bench"], ["stat"], ["--help"], ["unknown"]])
  func withoutProc_isOneLineAndExitCode1(arguments: [String]) throws {
    var setting = CommandLineRun.Setting()
    setting.launcher = Self.withoutProcesses
    let run = try CommandLineRun(arguments, setting)
    #expect(run.exitCode == 1)
    #expect(run.hasOneErrorLine, "\(run.errors)")
    #expect(run.errors.contains("/proc must be mounted"))
  }

  @Test(arguments: [
    ["bench", "--threads", "1024", "--size", "1T"],
    ["bench", "--burst", "100000000", "--size", "1M"],
    ["bench", "--threads", "1024", "--iterations", "100000000", "--size", "4K"],
    ["alloc", "--count", "100000000", "--size", "1M"],
    [
      "stat", "--burst", "100000000",
      "--iterations", "100000000", "--size", "1M",
    ],
  ])
  func moreAtOnceThanIsAvailable_isRefused(arguments: [String]) throws {
    let run = try CommandLineRun(arguments)
    #expect(run.exitCode == 1)
    #expect(run.output.isEmpty)
    #expect(run.hasOneErrorLine, "\(run.errors)")
    #expect(run.errors.contains(/need [0-9]+ kB; [0-9]+ kB of memory are available\n/))
  }

  /// With `--threads 1024 --size 32M` on a machine of 24 GiB it took all memory.
  @Test func threads_areCountedWithTheirMemory() throws {
    let most = ProcessInfo.processInfo.physicalMemory
    let size = most / 512
    let run = try CommandLineRun(["bench", "--threads", "1024", "--size", "\(size)"])
    #expect(run.exitCode == 1)
    #expect(run.errors.contains("1024 threads with "))
  }

  // MARK: The version

  @Test func version_isSemanticAndTheModules() throws {
    let run = try CommandLineRun(["--version"])
    #expect(run.exitCode == 0)
    #expect(run.output.contains(/^[0-9]+\.[0-9]+\.[0-9]+\n$/))
    let header = URL(fileURLWithPath: #filePath)
      .appendingPathComponent("../../../../Kernel/include/swift_dma_heaps.h").standardized
    let version = run.output.dropLast()
    #expect(
      try String(contentsOf: header, encoding: .utf8)
        .contains("#define SWIFT_DMA_HEAPS_VERSION \"\(version)\""))
  }
}
