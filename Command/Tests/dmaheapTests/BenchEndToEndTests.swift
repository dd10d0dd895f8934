// SPDX-License-Identifier: MIT

import Foundation
import FoundationXML
import Testing

@testable import dmaheap

@Suite struct BenchEndToEndTests {
  private static let commonKeys: Set<String> = [
    "host", "source", "heap", "api", "bytes", "touched", "pooled", "iterations", "ns_per_call",
    "alloc_ns",
  ]

  @Test func json_hasOneObjectPerRow() throws {
    let run = try CommandLineRun([
      "bench", "--json", "--size", "4K", "--size", "64K", "--iterations", "20",
    ])
    #expect(run.exitCode == 0)
    let rows = try run.objects()
    #expect(rows.count == 16)
    for row in rows {
      #expect(Self.commonKeys.isSubset(of: row.keys))
      #expect(row["host"] as? String == "userspace")
      #expect(row["iterations"] as? Int == 20)
      let latency = try #require(row["alloc_ns"] as? [String: Any])
      #expect(Set(latency.keys) == ["p50", "p99", "p999", "max"])
      let pooled = row["pooled"] as? Bool == true
      let buffer = row["api"] as? String == "buffer"
      #expect((row["malloc_calls"] != nil) == (pooled && buffer))
      #expect((row["syscall_cycles"] != nil) == (pooled && buffer))
      #expect((row["reopen_ns"] != nil) == (pooled && !buffer))
      #expect((row["fresh_to_pooled"] != nil) == pooled)
      #expect((row["pool_misses"] != nil) == pooled)
      #expect(row["memory"] as? String == (pooled ? "pooled" : "fresh"))
      let touched = row["touched"] as? Bool == true
      #expect((row["receiver"] != nil) == (touched && !buffer))
    }
  }

  @Test func inPlace_isOfDescriptors() throws {
    let run = try CommandLineRun([
      "bench", "--json", "--size", "64K", "--iterations", "50", "--touched", "--no-fresh",
      "--in-place",
    ])
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.objects()
    #expect(rows.compactMap { $0["memory"] as? String } == ["pooled", "in-place"])
    // Made once for each that waits to be zeroed, then used again.
    #expect(try #require(rows.last?["pool_misses"] as? Int) < 50)
  }

  @Test func json_ofHugePages_hasCollapsingRowsAndReceivers() throws {
    let run = try CommandLineRun([
      "bench", "--json", "--size", "2M", "--iterations", "20", "--touched", "--api", "descriptor",
    ])
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.objects()
    let pooled = try #require(rows.first)
    // A kernel before 6.1 cannot.
    if pooled["notes"] == nil {
      #expect(rows.compactMap { $0["memory"] as? String } == ["pooled", "fresh", "collapsing"])
      #expect(rows.map { $0["pooled"] as? Bool } == [true, false, false])
      #expect(pooled["collapsing_to_pooled"] is Double)
      #expect((rows.last?["method"] as? String)?.hasPrefix("MADV_COLLAPSE; mmap") == true)
    }
    for row in rows {
      let receiver = try #require(row["receiver"] as? [String: Any])
      #expect((receiver["method"] != nil) == (row["pooled"] as? Bool == false))
      for key in ["first_write_ns", "munmap_ns"] {
        let latency = try #require(receiver[key] as? [String: Any])
        #expect(try #require(latency["p50"] as? Int) > 0)
      }
    }
  }

  @Test func text_tellsWhatAReceiverPays() throws {
    let run = try CommandLineRun([
      "bench", "--size", "64K", "--iterations", "20", "--touched", "--api", "descriptor",
    ])
    let lines = run.output.split(separator: "\n")
    let begin = try #require(lines.firstIndex { $0.hasPrefix("a receiver of ") })
    #expect(lines[begin].contains("first write p50") && lines[begin].contains("munmap p50"))
    #expect(lines[begin + 2].hasPrefix("system descriptor 64 KiB pooled"))
    #expect(lines[begin + 3].hasPrefix("system descriptor 64 KiB fresh"))
  }

  @Test func text_hasSeriesLinesAndTable() throws {
    let run = try CommandLineRun([
      "bench", "--size", "4K", "--iterations", "20", "--no-fresh", "--api", "buffer",
    ])
    let output = run.output
    #expect(
      output.contains(
        /\ndmabuf heap: alloc 4096 bytes 20 times in [0-9]+ ns [0-9]+ ns\/call \(system, buffer\)\n/
      ))
    #expect(output.hasPrefix("dmaheap bench: "))
    #expect(output.contains("alloc p50"))
    #expect(!output.contains("fresh "))
  }

  @Test func burst_isRecordedPerAllocation() throws {
    let run = try CommandLineRun([
      "bench", "--json", "--size", "4K", "--burst", "50", "--iterations", "100", "--no-fresh",
    ])
    let rows = try run.objects()
    #expect(rows.count == 4)
    for row in rows {
      #expect(row["burst"] as? Int == 50)
      #expect(row["iterations"] as? Int == 100)
    }
  }

  @Test func threads_reportThroughput() throws {
    let run = try CommandLineRun([
      "bench", "--json", "--size", "4K", "--threads", "2", "--iterations", "50", "--no-fresh",
      "--untouched",
    ])
    let rows = try run.objects()
    #expect(rows.count == 2)
    for row in rows {
      #expect(row["threads"] as? Int == 2)
      #expect(row["iterations"] as? Int == 100)
      #expect(row["operations_per_second"] is Double)
      #expect(row["scaling"] is Double)
    }
  }

  @Test func plot_isWellFormed() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dmaheap-\(UUID().uuidString).svg")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try CommandLineRun([
      "bench", "--size", "4K", "--iterations", "20", "--untouched", "--plot", file.path,
    ])
    #expect(run.exitCode == 0)
    #expect(XMLParser(data: try Data(contentsOf: file)).parse())
  }

  @Test func burstPastTheMemory_exitsWith1() throws {
    let run = try CommandLineRun(["bench", "--size", "1T", "--burst", "1000"])
    #expect(run.exitCode == 1)
    #expect(run.hasOneErrorLine, "\(run.errors)")
  }
}
