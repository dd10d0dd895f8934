// SPDX-License-Identifier: MIT

import CMeasurement
import Foundation
import Testing

@testable import HeapBench

/// Memory without heaps: it is there, zeroed, and all of it.
@Suite struct PopulationTests {
  /// Not a multiple of 2 MiB, nor of a page.
  private let byteCount = 5 << 20 | 100

  private static let all = Population.all + [Population.collapsing]

  private func population(_ name: String) throws -> Population {
    try #require(Self.all.first { $0.name == name })
  }

  /// Pages behind a file.
  private func pages(_ descriptor: Int32) -> Int {
    var status = stat()
    // SAFETY: the call fills one structure, which outlives it.
    return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_blocks) * 512 / 4096 : -1
  }

  /// Whether a failure is none of ours: a machine may have no huge page left just then.
  private func isShortage(_ failure: BenchFailure, of name: String) -> Bool {
    guard name == Population.collapsing.name, case .systemCall(_, let errorNumber) = failure
    else { return false }
    return [EAGAIN, EBUSY, ENOMEM].contains(errorNumber)
  }

  private var allPages: Int { (byteCount - 1) / 4096 + 1 }

  @Test(arguments: all.map(\.name))
  func buffer_isMappedZeroAndThere(name: String) throws {
    let population = try population(name)
    let provider = FreshBufferProvider(population: population, byteCount: byteCount)
    var memory: measurement_memory
    do throws(BenchFailure) {
      memory = try provider.allocate()
    } catch {
      guard isShortage(error, of: name) else { throw error }
      return
    }
    let made = pages(memory.descriptor)
    #expect(population.guaranteesMemory ? made >= allPages : made == 0, "\(made)")
    // SAFETY: the mapping is as long, and not unmapped before.
    let first = unsafe measurement_first_nonzero(
      UnsafeRawPointer(bitPattern: memory.address), byteCount)
    #expect(first == byteCount)
    provider.write(&memory)
    provider.release(memory)
  }

  @Test(arguments: all.filter(\.suitsDescriptors).map(\.name))
  func descriptor_isZeroAndThere(name: String) throws {
    let population = try population(name)
    let provider = FreshDescriptorProvider(
      population: population, byteCount: byteCount, populates: false)
    var memory: OwnedMeasuredDescriptor
    do throws(BenchFailure) {
      memory = try provider.allocate()
    } catch {
      guard isShortage(error, of: name) else { throw error }
      return
    }
    let made = pages(memory.rawValue)
    #expect(population.guaranteesMemory ? made >= allPages : made == 0, "\(made)")
    var index = 0
    // SAFETY: the call writes one integer, which outlives it.
    let errorNumber = unsafe measurement_first_nonzero_of_descriptor(
      memory.rawValue, byteCount, &index)
    #expect(errorNumber == 0 && index == byteCount)
    try provider.write(&memory)
    provider.release(memory)
  }

  @Test(arguments: all.map(\.name))
  func nothing_isLeftMappedOrOpen(name: String) throws {
    // A size that no other test has, by which the files are known.
    let size = 3 << 20 + 4096 * name.utf8.count + 77
    let buffers = FreshBufferProvider(population: try population(name), byteCount: size)
    let descriptors = FreshDescriptorProvider(
      population: try population(name), byteCount: size, populates: false)
    do throws(BenchFailure) {
      let memory = try buffers.allocate()
      #expect(count(ofSize: size) == [1, 1])
      buffers.release(memory)
      let descriptor = try descriptors.allocate()
      #expect(count(ofSize: size) == [1, 0])
      descriptors.release(descriptor)
    } catch {
      guard isShortage(error, of: name) else { throw error }
    }
    #expect(count(ofSize: size) == [0, 0])
  }

  @Test func collapse_ofLessThanAHugePage_leavesNothing() throws {
    let size = 2 << 20 - 1
    var memory = measurement_memory()
    // SAFETY: the call writes one structure, which outlives it.
    let errorNumber = unsafe measurement_fresh_buffer(
      measurement_population_collapse, size, &memory)
    #expect(errorNumber == EINVAL)
    #expect(count(ofSize: size) == [0, 0])
  }

  /// Reads all of a file that says it is empty; Foundation stops after one page under the thread sanitizer.
  private static func text(of path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      // SAFETY: the call fills the array, which is as long.
      let count = unsafe read(descriptor, &piece, piece.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece[..<count]
    }
  }

  /// Descriptors and mappings of files of this size.
  private func count(ofSize size: Int) -> [Int] {
    var files: Set<ino_t> = []
    var descriptors = 0
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
      var status = stat()
      // SAFETY: the call fills one structure, which outlives it.
      guard let number = Int32(name), unsafe fstat(number, &status) == 0, status.st_size == size
      else { continue }
      descriptors += 1
      files.insert(status.st_ino)
    }
    let maps = Self.text(of: "/proc/self/maps")
    let mapped = maps.split(separator: "\n").filter { line in
      let words = line.split(separator: " ")
      guard words.count > 5, words[5].hasPrefix("/memfd:fresh") else { return false }
      let ends = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
      let isMapped = ends[1] - ends[0] == ((size - 1) / 4096 + 1) * 4096
      return isMapped && (files.isEmpty || files.contains(ino_t(words[4]) ?? 0))
    }
    return [descriptors, mapped.count]
  }

  @Test func untouchedRivals_alwaysHaveTheirMemory() {
    for interface in AllocationInterface.allCases {
      let untouched = Population.candidates(touched: false, interface: interface, hugePages: true)
      #expect(untouched.allSatisfy { $0.guaranteesMemory } && !untouched.isEmpty)
    }
    #expect(
      Population.candidates(touched: true, interface: .buffer, hugePages: true).count
        == Population.all.count)
    #expect(
      Population.candidates(touched: true, interface: .buffer, hugePages: false).count
        == Population.all.count - 2)
    #expect(
      Population.candidates(touched: true, interface: .descriptor, hugePages: true)
        .allSatisfy { $0.suitsDescriptors })
  }

  @Test func receiver_findsEveryPageMapped() throws {
    let provider = FreshDescriptorProvider(
      population: try population("on demand"), byteCount: byteCount, populates: false)
    let memory = try provider.allocate()
    var firstWrite: UInt64 = 0
    var unmapping: UInt64 = 0
    // SAFETY: the call writes two integers, which outlive it.
    #expect(
      unsafe measurement_receive(memory.rawValue, byteCount, &firstWrite, &unmapping) == 0)
    #expect(firstWrite > 0 && unmapping > 0)
    #expect(pages(memory.rawValue) == allPages)
    #expect(unsafe measurement_receive(-1, byteCount, &firstWrite, &unmapping) == EBADF)
    var settled = 0
    let cost = try ReceiverCost.measure(provider, byteCount: byteCount) { settled += 1 }
    #expect(cost.method == "posix_fallocate", "memory that is not there is not a receiver's cost")
    #expect(cost.firstWrite.p50 > 0 && cost.firstWrite.p50 <= cost.firstWrite.max)
    #expect(cost.unmapping.max > 0)
    #expect(settled >= 3 + Schedule.receiver.atLeast)
  }
}
