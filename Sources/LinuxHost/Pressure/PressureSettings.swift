// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// Where signs of memory pressure come from, in the order in which they are tried (U2).
///
/// First what the service manager says by `$MEMORY_PRESSURE_WATCH`, then the pressure file of the process's own
/// control group, then the machine's.
///
/// - Source: systemd docs/PRESSURE.md, sd_event_add_memory_pressure(3).
package struct PressureSettings: Equatable, Sendable {
  /// A file to open, and what to write into it at once.
  package struct Candidate: Equatable, Sendable {
    /// Absolute, as this process reaches it.
    package let path: String
    package let message: [UInt8]

    /// Whether somebody asked for this file, and so wants to hear that it is of no use.
    package let isAskedFor: Bool

    package init(path: String, message: [UInt8], isAskedFor: Bool) {
      self.path = path
      self.message = message
      self.isAskedFor = isAskedFor
    }
  }

  /// Whether pressure is to be heeded at all.
  package let isOn: Bool

  /// Files to try, one after the other.
  package let candidates: [Candidate]

  /// What is wrong with the environment, for people; nil when nothing is.
  package let complaint: String?

  /// No pressure is heeded.
  package static let off = PressureSettings(isOn: false, candidates: [], complaint: nil)

  /// Those of this process.
  package static var ofProcess: PressureSettings {
    PressureSettings(
      watch: variable("MEMORY_PRESSURE_WATCH"), write: variable("MEMORY_PRESSURE_WRITE"),
      group: MemoryLimits.ofProcess.controlGroups().first, root: .machine)
  }

  private static func variable(_ name: StaticString) -> String? {
    guard let value = unsafe name.withCString({ unsafe shim_secure_getenv($0) }) else { return nil }
    return unsafe String(cString: value)
  }

  private init(isOn: Bool, candidates: [Candidate], complaint: String?) {
    self.isOn = isOn
    self.candidates = candidates
    self.complaint = complaint
  }

  /// What an environment says, and what the kernel offers.
  ///
  /// Settings that are broken are as if they were not there.
  ///
  /// - Parameters:
  ///   - watch: `$MEMORY_PRESSURE_WATCH`, nil where it is not set.
  ///   - write: `$MEMORY_PRESSURE_WRITE`.
  ///   - group: the process's own control group.
  ///   - root: where files of the kernel are.
  package init(watch: String?, write: String?, group: ControlGroup?, root: RootFolder) {
    var candidates: [Candidate] = []
    // Version 1 has no such file.
    if let group, group.version == .v2 {
      candidates.append(Self.kernel("\(group.folder)/memory.pressure", root))
    }
    candidates.append(Self.kernel("/proc/pressure/memory", root))
    guard let watch else {
      self.init(isOn: true, candidates: candidates, complaint: nil)
      return
    }
    guard !watch.isEmpty, watch != "/dev/null" else {
      self = .off
      return
    }
    guard watch.utf8.first == UInt8(ascii: "/") else {
      self.init(
        isOn: true, candidates: candidates,
        complaint: "MEMORY_PRESSURE_WATCH is no absolute path: '\(watch)'")
      return
    }
    guard let message = write.map({ Base64.decode($0) }) ?? [] else {
      self.init(
        isOn: true, candidates: candidates, complaint: "MEMORY_PRESSURE_WRITE is not Base64")
      return
    }
    let asked = Candidate(path: watch, message: message, isAskedFor: true)
    self.init(isOn: true, candidates: [asked] + candidates, complaint: nil)
  }

  private static func kernel(_ path: String, _ root: RootFolder) -> Candidate {
    Candidate(path: root.path(of: path), message: kernelMessage, isAskedFor: false)
  }

  /// 200 ms of stalls in 2 s, as systemd's default is; the kernel takes windows of whole 2 s from everybody,
  /// others from the privileged alone.
  ///
  /// With the final zero, as the kernel overwrites the last byte.
  private static let kernelMessage = Array("some 200000 2000000\0".utf8)
}

/// Base64 as RFC 4648 has it, with its padding.
package enum Base64 {
  /// Decodes a text, white space in it left out.
  ///
  /// - Returns: nil when it is not Base64.
  package static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    var padding = 0
    for character in text.utf8 where !" \t\r\n".utf8.contains(character) {
      if character == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      guard padding == 0, let value = value(of: character) else { return nil }
      bits = bits << 6 | value
      count += 1
      guard count % 4 == 0 else { continue }
      for shift: UInt32 in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
      bits = 0
    }
    switch (count % 4, padding) {
    case (0, 0): break
    // What is left over must be zero.
    case (2, 2) where bits & 0xF == 0: bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
    case (3, 1) where bits & 0x3 == 0:
      bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
    default: return nil
    }
    return bytes
  }

  private static func value(of character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
