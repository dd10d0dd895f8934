// SPDX-License-Identifier: MIT

import Glibc

/// What the module shows under debugfs.
enum ModuleFiles {
  static let debug = "/sys/kernel/debug/swift_dma_heaps"
  static let parameters = "/sys/module/swift_dma_heaps/parameters"
  static let accounts = "\(debug)/accounts"

  static var areThere: Bool { TextFile.exists(accounts) }

  static func parameter(_ name: String) throws -> Int {
    let text = try TextFile.read("\(parameters)/\(name)")
    guard let value = Int(text.prefix { $0 != "\n" }) else {
      throw CheckFailure("parameter \(name) is not a number: \(text)")
    }
    return value
  }

  static func setParameter(_ name: String, _ value: Int) throws {
    try TextFile.write("\(value)", to: "\(parameters)/\(name)")
  }
}

/// Where all pages are that the module took from the kernel, at one instant (P7).
struct Accounts: Equatable, CustomStringConvertible {
  let taken: Int
  let inBuffers: Int
  let deferred: Int
  /// Pages that somebody is zeroing or releasing just then.
  let freeing: Int
  let pooled: Int
  let limit: Int

  /// Reads the accounts, and checks that they balance and are possible.
  init() throws {
    var values: [Substring: Int] = [:]
    for line in try TextFile.words(ModuleFiles.accounts) where line.count == 2 {
      values[line[0]] = Int(line[1])
    }
    func value(_ name: Substring) throws -> Int {
      guard let value = values[name] else { throw CheckFailure("accounts have no '\(name)'") }
      return value
    }
    taken = try value("taken")
    inBuffers = try value("in_buffers")
    deferred = try value("deferred")
    freeing = try value("freeing")
    pooled = try value("pooled")
    limit = try value("limit")
    try require(
      taken == inBuffers + deferred + freeing + pooled, "accounts do not balance: \(self)")
    try require(min(inBuffers, deferred, freeing, pooled) >= 0, "accounts are negative: \(self)")
  }

  /// Whether nothing waits to be freed and nobody is freeing anything.
  var areSettled: Bool { deferred == 0 && freeing == 0 }

  var description: String {
    "taken \(taken), in buffers \(inBuffers), deferred \(deferred), freeing \(freeing), "
      + "pooled \(pooled), limit \(limit)"
  }
}
