// SPDX-License-Identifier: MIT

import Foundation
import Testing

@testable import dmaheap

/// Trees of dtc's and damaged ones: none crashes the reader, or has it read what is not the tree's.
///
/// libfdt is not instrumented, so each blob is read in memory that ends where it does, and, for the functions of
/// the C library that sanitizers stand in for, in memory of its own.
@Suite struct TreeCorpusTests {
  /// Trees as dtc makes them.
  private static func corpus() throws -> [(name: String, blob: [UInt8])] {
    let board = try TestTrees.board()
    var corpus = [("board", board), ("round trip", try TestTrees.roundTrip(board))]
    corpus.append(("version 16", try TestTrees.roundTrip(board, options: ["-V", "16"])))
    corpus.append(("padded", try TestTrees.roundTrip(board, options: ["-p", "1000"])))
    corpus.append(("with symbols", try TestTrees.roundTrip(board, options: ["-@"])))
    for kind in ["chunk", "region"] {
      let path = "Documentation/bindings/swift-dma-heaps,\(kind).yaml"
      let file = TestTrees.repository.appendingPathComponent(path).path
      let text = String(decoding: try CommandLineRun.bytes(of: file), as: UTF8.self)
      let example = try #require(text.components(separatedBy: "  - |\n").dropFirst().last)
      corpus.append((path, try TestTrees.compile(TestTrees.whole("/ {\n\(example)};"))))
    }
    return corpus
  }

  /// Reads all of a blob; nil where it is refused.
  private static func read(_ memory: TreeMemory) -> DeclaredHeaps? {
    guard let tree = try? FlattenedTree(memory) else { return nil }
    for node in tree.nodes {
      _ = (tree.path(of: node), tree.name(of: node), tree.parent(of: node))
      for name in ["compatible", "reg", "memory-region", "status", "phandle"] {
        _ = tree.bytes(of: name, of: node).map { $0.reduce(0, &+) }
      }
    }
    return DeclaredHeaps(in: tree, pageSize: TestTrees.pageSize)
  }

  @Test func treesOfDtc_declareTheSame() throws {
    let corpus = try Self.corpus()
    let board = try TestTrees.heaps(of: corpus[0].blob)
    for (name, blob) in corpus {
      let heaps = try #require(Self.read(.guarded(blob)), "\(name)")
      if name.hasPrefix("Documentation") {
        #expect(heaps.heaps.count == 1 && heaps.mistakes.isEmpty, "\(name)")
      } else {
        #expect(heaps.heaps == board.heaps && heaps.mistakes == board.mistakes, "\(name)")
      }
    }
  }

  @Test(arguments: TreeMutation.allCases)
  func mutations_ofEachClass_areHeldOut(mutation: TreeMutation) throws {
    let blobs = mutation.blobs(of: try TestTrees.board())
    #expect(blobs.count > 30)
    var accepted = 0
    for blob in blobs {
      let heaps = Self.read(.guarded(blob))
      #expect((Self.read(TreeMemory(blob)) == nil) == (heaps == nil))
      if heaps != nil { accepted += 1 }
    }
    print("trees: \(mutation): \(blobs.count), \(accepted) of them are trees")
    // A class of which nothing, or everything, is a tree would show little.
    switch mutation {
    case .value: #expect(accepted == blobs.count)
    case .end: #expect(accepted == 0)
    case .token: #expect(accepted < blobs.count)
    default: #expect(accepted > 0 && accepted < blobs.count)
    }
  }

  /// Of damaged trees that are trees still, the same is read as `fdtget` reads.
  @Test func mutations_agreeWithFdtget() throws {
    let board = try TestTrees.board()
    var compared = 0
    for mutation in TreeMutation.allCases {
      let trees = mutation.blobs(of: board).compactMap { blob in
        (try? FlattenedTree(TreeMemory(blob))).map { (blob, $0) }
      }
      // Spread over the class; a node whose path another has, or that has none, cannot be asked for.
      for (blob, tree) in stride(from: 0, to: trees.count, by: max(trees.count / 3, 1)).map({
        trees[$0]
      }) {
        let paths = tree.nodes.map { tree.path(of: $0) }
        let names = tree.nodes.dropFirst().map { tree.name(of: $0) }
        guard Set(paths).count == paths.count,
          names.allSatisfy({
            !$0.isEmpty && !$0.contains("/") && $0.utf8.allSatisfy { 0x21...0x7E ~= $0 }
          })
        else { continue }
        try TestTrees.withFile(blob) { _ = try Fdtget($0).compare(tree) }
        compared += 1
      }
    }
    #expect(compared >= 10)
  }

  @Test func randomMutations_areHeldOut() throws {
    var random = SeededNumbers(for: "randomMutations")
    let corpus = try Self.corpus()
    var accepted = 0
    for _ in 0..<SeededNumbers.rounds {
      var blob = corpus[Int.random(in: 0..<corpus.count, using: &random)].blob
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        let offset = Int.random(in: 0..<blob.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: blob[offset] = UInt8.random(in: 0...255, using: &random)
        case 1: blob[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2 where blob.count >= 8:
          let numbers: [UInt32] = [0, 1, 2, 3, 4, 9, 0x7FFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFF0]
          let place = offset / 4 * 4
          guard place + 4 <= blob.count, let number = numbers.randomElement(using: &random)
          else { continue }
          blob = blob.setting(number, at: place)
        default:
          // A piece of it somewhere else.
          let count = Int.random(in: 1...min(64, blob.count), using: &random)
          let from = Int.random(in: 0...blob.count - count, using: &random)
          let to = Int.random(in: 0...blob.count - count, using: &random)
          blob.replaceSubrange(to..<to + count, with: Array(blob[from..<from + count]))
        }
      }
      if Self.read(.guarded(blob)) != nil { accepted += 1 }
      _ = Self.read(TreeMemory(blob))
    }
    print("trees: random: \(SeededNumbers.rounds), \(accepted) of them are trees")
    #expect(accepted > 0)
  }
}

/// Numbers that a seed determines: that of `DMAHEAP_TEST_SEED`, or a new one, which is printed.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  /// Blobs of a random run: `DMAHEAP_TEST_OPERATIONS`, or 5000.
  static let rounds = Int(environmentNumber("DMAHEAP_TEST_OPERATIONS") ?? 5000)

  private static func environmentNumber(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  init(for test: String) {
    state = Self.environmentNumber("DMAHEAP_TEST_SEED") ?? UInt64.random(in: 1...UInt64.max)
    // At once: a crash leaves no other chance.
    FileHandle.standardOutput.write(
      Data("\(test): replay with DMAHEAP_TEST_SEED=\(state)\n".utf8))
  }

  /// A linear congruence, its upper half.
  mutating func next() -> UInt64 {
    func step() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 32
    }
    return step() << 32 | step()
  }
}
