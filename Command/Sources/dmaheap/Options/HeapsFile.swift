// SPDX-License-Identifier: MIT

import DMAHeaps
import HeapBench
import TOMLKit

/// A file that sets regions aside and says what heaps they have, in the words of the device tree.
///
/// ```toml
/// [[region]]
/// name = "camera"
/// size = "512M"
///
/// [[heap]]
/// name = "camera-frames"
/// memory-region = "camera"
/// aliases = ["cma"]
///
/// [[heap]]
/// name = "camera-chunks"
/// memory-region = "camera"
/// alignment = "64K"
/// ```
struct HeapsFile {
  /// The most bytes that a file may have.
  static let mostBytes = 1 << 20

  /// The regions, each with its heaps, in the order of the file.
  let regions: [HeapSystem.RegionConfiguration]

  /// Reads a file.
  ///
  /// - Throws: ``HeapsFileError``, which names the file and what is wrong in it.
  init(path: String) throws {
    let bytes: [UInt8]
    do throws(FileReadError) {
      bytes = try FileBytes.read(path, atMost: Self.mostBytes)
    } catch {
      throw HeapsFileError(path, "\(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw HeapsFileError(path, "it is not text in UTF-8")
    }
    do {
      regions = try Self.regions(
        in: try TOMLDecoder(strictDecoding: true).decode(Contents.self, from: text))
    } catch let error as TOMLParseError {
      throw HeapsFileError(path, "line \(error.source.begin.line): \(error.description)")
    } catch let error as UnexpectedKeysError {
      let keys = error.keys.keys.sorted().map { "'\($0)'" }
      throw HeapsFileError(path, "nothing is called \(keys.joined(separator: ", "))")
    } catch let error as DecodingError {
      throw HeapsFileError(path, error.explanation)
    } catch let error as Mistake {
      throw HeapsFileError(path, error.reason)
    }
  }

  private static func regions(in contents: Contents) throws(Mistake) -> [HeapSystem
    .RegionConfiguration]
  {
    var regions: [HeapSystem.RegionConfiguration] = []
    for region in contents.region ?? [] {
      guard !regions.contains(where: { $0.name == region.name }) else {
        throw Mistake("there are two regions '\(region.name)'")
      }
      regions.append(
        HeapSystem.RegionConfiguration(
          name: region.name, byteCount: region.size.byteCount, heaps: []))
    }
    for heap in contents.heap ?? [] {
      guard let index = regions.firstIndex(where: { $0.name == heap.memoryRegion }) else {
        throw Mistake(
          "memory-region of heap '\(heap.name)' is '\(heap.memoryRegion)', which is no region of the file"
        )
      }
      regions[index].heaps.append(
        HeapSystem.RegionHeapConfiguration(
          name: heap.name, aliases: heap.aliases ?? [], chunkByteCount: heap.alignment?.byteCount))
    }
    if let idle = regions.first(where: { $0.heaps.isEmpty }) {
      throw Mistake("region '\(idle.name)' has no heap")
    }
    return regions
  }
}

/// What is wrong with a file.
struct HeapsFileError: Error, CustomStringConvertible {
  let description: String

  init(_ path: String, _ reason: String) {
    description = "\(path): \(reason)"
  }
}

private struct Mistake: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

// MARK: - The file's words

private struct Contents: Decodable {
  let region: [RegionTable]?
  let heap: [HeapTable]?
}

private struct RegionTable: Decodable {
  let name: String
  let size: Size
}

private struct HeapTable: Decodable {
  let name: String
  let memoryRegion: String
  let alignment: Size?
  let aliases: [String]?

  enum CodingKeys: String, CodingKey {
    case name, alignment, aliases
    case memoryRegion = "memory-region"
  }
}

/// Bytes as a number, or as a size is typed.
private struct Size: Decodable {
  let byteCount: Int

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int.self) {
      byteCount = number
      return
    }
    guard let text = try? container.decode(String.self) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "a size is a whole number of bytes, or text such as \"64K\"")
    }
    do throws(ByteSizeError) {
      byteCount = try ByteSize.parse(text).byteCount
    } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
    }
  }
}

extension DecodingError {
  /// One line for people.
  fileprivate var explanation: String {
    func place(_ path: [any CodingKey]) -> String {
      path.map { $0.intValue.map { "\($0 + 1)" } ?? $0.stringValue }.joined(separator: " ")
    }
    return switch self {
    case .keyNotFound(let key, let context):
      "\(place(context.codingPath.filter { $0.stringValue != key.stringValue })): "
        + "'\(key.stringValue)' is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .dataCorrupted(let context):
      "\(place(context.codingPath)): \(context.debugDescription)"
    @unknown default: "\(self)"
    }
  }
}
