// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import dmaheap

@Suite struct EndToEndTests {
  @Test(arguments: [
    ["bench", "--size", "0"], ["alloc", "--size", "some"], ["stat", "--iterations", "0"],
    ["bench", "--unknown"], ["unknown"],
  ])
  func wrongUsage_exitsWith64AndOneLine(arguments: [String]) throws {
    let run = try CommandLineRun(arguments)
    #expect(run.exitCode == 64)
    #expect(run.hasOneErrorLine, "\(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test(arguments: [["bench"], ["alloc"], ["stat"]])
  func unknownHeap_exitsWith1AndListsHeaps(command: [String]) throws {
    let run = try CommandLineRun(command + ["--heap", "no-such-heap"])
    #expect(run.exitCode == 1)
    #expect(run.hasOneErrorLine, "\(run.errors)")
    #expect(run.errors.contains("no-such-heap") && run.errors.contains("system"))
    #expect(run.output.isEmpty)
  }

  @Test func moreThanTheMachineHas_exitsWith1() throws {
    let run = try CommandLineRun(["alloc", "--size", "99999T"])
    #expect(run.exitCode == 1)
    #expect(run.hasOneErrorLine, "\(run.errors)")
  }

  @Test func plotThatCannotBeWritten_exitsWith1() throws {
    let run = try CommandLineRun(["bench", "--plot", "/no-such-folder/plot.svg"])
    #expect(run.exitCode == 1)
    #expect(run.hasOneErrorLine, "\(run.errors)")
    #expect(run.errors.contains("/no-such-folder/plot.svg"))
  }

  @Test func help_exitsWith0() throws {
    let run = try CommandLineRun(["bench", "--help"])
    #expect(run.exitCode == 0)
    #expect(run.output.contains("EXAMPLES"))
    #expect(run.errors.isEmpty)
  }

  @Test func heaps_json_listsSystem() throws {
    let heaps = try CommandLineRun(["heaps", "--json"]).objects()
    let system = try #require(heaps.first { $0["name"] as? String == "system" })
    #expect(system["absence_reason"] is NSNull)
    #expect(
      Set(system.keys) == [
        "name", "aliases", "source", "capabilities", "absence_reason", "huge_pages", "region",
      ])
    #expect((system["huge_pages"] as? String)?.contains(", as ") == true)
    for heap in heaps where heap["name"] as? String != "system" {
      #expect(heap["absence_reason"] is String || heap["absence_reason"] is NSNull)
    }
    #expect(try CommandLineRun(["heaps"]).output.contains("huge pages of system: "))
  }

  @Test(arguments: ["buffer", "descriptor"])
  func alloc_json_verifiesZeroes(interface: String) throws {
    let run = try CommandLineRun([
      "alloc", "--json", "--verify", "--size", "64KiB", "--count", "5", "--api", interface,
    ])
    #expect(run.exitCode == 0)
    let report = try #require(try run.objects().first)
    #expect(report["zero_verified"] as? Bool == true)
    #expect(report["api"] as? String == interface)
    #expect(report["bytes"] as? Int == 65_536)
    #expect(report["count"] as? Int == 5)
    #expect(report["total_bytes"] as? Int == 5 * 65_536)
  }

  @Test func alloc_holdsAndReports() throws {
    let run = try CommandLineRun(["alloc", "--size", "5000", "--hold", "0.01"])
    #expect(run.exitCode == 0)
    #expect(run.output.contains("freed in"))
  }

  @Test func stat_json_balances() throws {
    let run = try CommandLineRun([
      "stat", "--json", "--size", "4K", "--burst", "10", "--iterations", "100",
    ])
    let report = try #require(try run.objects().first)
    #expect(report["balanced"] as? Bool == true)
    #expect(report["in_buffers_bytes"] as? Int == 0)
    let heap = try #require((report["heaps"] as? [[String: Any]])?.first)
    #expect(heap["allocations"] as? Int == 100)
  }

  @Test func stat_printsTotalPoolSize() throws {
    let output = try CommandLineRun(["stat", "--size", "64K"]).output
    #expect(output.contains(/total pool size: [0-9]+ kB\n/))
    #expect(output.contains(/taken [0-9]+ kB = in buffers 0 kB \+ deferred [0-9]+ kB/))
  }
}
