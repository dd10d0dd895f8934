// SPDX-License-Identifier: MIT

import LinuxHost
import Testing

/// What the environment says of memory pressure, as systemd documents it (U2).
struct PressureSettingsTests {
  private static let message = Array("some 200000 2000000\0".utf8)
  private static let machine = PressureSettings.Candidate(
    path: "/proc/pressure/memory", message: message, isAskedFor: false)
  private static let group = PressureSettings.Candidate(
    path: "/sys/fs/cgroup/app/memory.pressure", message: message, isAskedFor: false)

  private func settings(
    _ watch: String?, _ write: String? = nil,
    group: ControlGroup? = ControlGroup(.v2, folder: "/sys/fs/cgroup/app")
  ) -> PressureSettings {
    PressureSettings(watch: watch, write: write, group: group, root: .machine)
  }

  private func asked(_ path: String, _ message: [UInt8]) -> PressureSettings.Candidate {
    PressureSettings.Candidate(path: path, message: message, isAskedFor: true)
  }

  @Test func withoutVariables_theGroupThenTheMachine() {
    let settings = settings(nil)
    #expect(settings.isOn && settings.complaint == nil)
    #expect(settings.candidates == [Self.group, Self.machine])
    #expect(self.settings(nil, "!!!").candidates == settings.candidates)
  }

  @Test func groupsOfVersion1_haveNoPressureFile() {
    let group = ControlGroup(.v1, folder: "/sys/fs/cgroup/memory/app")
    #expect(settings(nil, group: group).candidates == [Self.machine])
    #expect(settings(nil, group: nil).candidates == [Self.machine])
  }

  @Test(arguments: ["/dev/null", ""])
  func nothingToWatch_turnsItOff(watch: String) {
    #expect(settings(watch, "c29tZQ==") == .off)
  }

  @Test func path_isWatchedFirst() {
    let settings = settings("/run/pressure")
    #expect(settings.complaint == nil)
    #expect(settings.candidates == [asked("/run/pressure", []), Self.group, Self.machine])
  }

  @Test func message_isDecoded() {
    // What systemd writes: "some 200000 2000000" and the final zero.
    let settings = settings("/x", "c29tZSAyMDAwMDAgMjAwMDAwMAA=")
    #expect(settings.candidates.first == asked("/x", Self.message))
    #expect(self.settings("/x", "").candidates.first == asked("/x", []))
  }

  @Test(arguments: [("run/pressure", nil), ("/x", "a"), ("/x", "c29tZQ"), ("/x", "*")])
  func brokenSettings_areSaidSo_andAsIfTheyWereNotThere(watch: String, write: String?) {
    let settings = settings(watch, write)
    #expect(settings.isOn)
    #expect(settings.complaint?.contains("MEMORY_PRESSURE_") == true)
    #expect(settings.candidates == [Self.group, Self.machine])
  }

  @Test(arguments: [
    ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"),
    ("Zm9vYmE=", "fooba"), ("Zm9vYmFy", "foobar"), (" Zm9v\nYmFy ", "foobar"),
  ])
  func base64_decodes(text: String, bytes: String) {
    #expect(Base64.decode(text) == Array(bytes.utf8))
  }

  @Test func base64_decodesEveryByte() {
    #expect(Base64.decode("AP+/+A==") == [0, 255, 191, 248])
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "Zm9v==", "=", "Zg==Zg==", "Zm-v", "Zm_v", "Zg===",
  ])
  func base64_refusesTheRest(text: String) {
    #expect(Base64.decode(text) == nil)
  }
}
