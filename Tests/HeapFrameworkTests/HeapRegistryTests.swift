// SPDX-License-Identifier: MIT

import HeapFramework
import PagePools
import TestSupport
import Testing

/// Heaps by name (H1).
struct HeapRegistryTests {
  /// A heap that is nothing but its number, and tells when it goes.
  private final class Heap: Sendable {
    let number: Int
    let gone: Gate

    init(_ number: Int, gone: Gate = Gate()) {
      self.number = number
      self.gone = gone
    }

    deinit { gone.open() }
  }

  private let host = TestHost(capacity: 1)

  private func registry(capacity: Int = 8) -> HeapRegistry<TestHost, Heap> {
    HeapRegistry(machine: host, capacity: capacity)
  }

  private func name(_ text: String) throws -> HeapName { try HeapName(utf8: text.utf8) }

  private func names(_ texts: [String]) throws -> [HeapName] { try texts.map { try name($0) } }

  private func lookUp(_ text: String, in registry: HeapRegistry<TestHost, Heap>) throws -> Int? {
    lookUp(try name(text), in: registry)
  }

  private func lookUp(_ name: HeapName, in registry: HeapRegistry<TestHost, Heap>) -> Int? {
    guard let use = registry.lookup(name) else { return nil }
    return use.heap.number
  }

  @Test func lookup_findsByNameAndAlias() throws {
    let registry = registry()
    #expect(try lookUp("system", in: registry) == nil)
    try registry.register(Heap(1), as: try name("system"))
    try registry.register(
      Heap(2), as: try name("default_cma_region"), aliases: try names(["linux,cma", "reserved"]))
    #expect(try lookUp("system", in: registry) == 1)
    #expect(try lookUp("default_cma_region", in: registry) == 2)
    #expect(try lookUp("linux,cma", in: registry) == 2)
    #expect(try lookUp("reserved", in: registry) == 2)
    #expect(try lookUp("cma", in: registry) == nil)
    #expect(try lookUp("syste", in: registry) == nil)
  }

  /// Each way for a name to be there already; nothing of the refused heap stays.
  @Test(
    arguments: [
      ("a", []), ("x", []), ("new", ["a"]), ("new", ["n", "x"]), ("new", ["new"]),
      ("new", ["n", "m", "n"]),
    ] as [(String, [String])])
  func register_ofKnownName_isRefusedAsAWhole(_ own: String, _ aliases: [String]) throws {
    let registry = registry()
    try registry.register(Heap(1), as: try name("a"), aliases: try names(["x"]))
    #expect(throws: HeapRegistryError.duplicateName) {
      try registry.register(Heap(2), as: try name(own), aliases: try names(aliases))
    }
    for text in ["new", "n", "m"] { #expect(try lookUp(text, in: registry) == nil) }
    #expect(try lookUp("a", in: registry) == 1)
    #expect(try lookUp("x", in: registry) == 1)
    try registry.register(Heap(3), as: try name("new"), aliases: try names(["n", "m"]))
    #expect(try lookUp("m", in: registry) == 3)
  }

  @Test func register_whenFull_isRefusedAsAWhole() throws {
    let registry = registry(capacity: 3)
    try registry.register(Heap(1), as: try name("a"))
    #expect(throws: HeapRegistryError.full) {
      try registry.register(Heap(2), as: try name("b"), aliases: try names(["c", "d"]))
    }
    #expect(try lookUp("b", in: registry) == nil)
    try registry.register(Heap(3), as: try name("b"), aliases: try names(["c"]))
    #expect(throws: HeapRegistryError.full) {
      try registry.register(Heap(4), as: try name("d"))
    }
    try registry.unregister(try name("b"))
    try registry.register(Heap(5), as: try name("d"), aliases: try names(["e"]))
    #expect(try lookUp("e", in: registry) == 5)
  }

  @Test func unregister_removesNameAndAliases() throws {
    let registry = registry()
    let gone = Gate()
    try registry.register(
      Heap(1, gone: gone), as: try name("a"), aliases: try names(["x", "y"]))
    try registry.register(Heap(2), as: try name("b"), aliases: try names(["z"]))
    #expect(!gone.isOpen)
    try registry.unregister(try name("a"))
    #expect(gone.isOpen)
    for text in ["a", "x", "y"] { #expect(try lookUp(text, in: registry) == nil) }
    #expect(try lookUp("z", in: registry) == 2)
    #expect(throws: HeapRegistryError.unknownName) { try registry.unregister(try name("a")) }
    try registry.register(Heap(3), as: try name("x"), aliases: try names(["a"]))
    #expect(try lookUp("a", in: registry) == 3)
  }

  @Test func unregister_byAliasOrUnknownName_isRefused() throws {
    let registry = registry()
    try registry.register(Heap(1), as: try name("a"), aliases: try names(["x"]))
    for text in ["x", "b"] {
      #expect(throws: HeapRegistryError.unknownName) { try registry.unregister(try name(text)) }
    }
    #expect(try lookUp("x", in: registry) == 1)
  }

  @Test(.timeLimit(.minutes(20)))
  func unregister_whileInUse_hidesTheHeapAndWaits() throws {
    let registry = registry()
    let own = try name("a")
    try registry.register(Heap(1), as: own, aliases: try names(["x"]))
    let isUsed = Gate()
    let mayEnd = Gate()
    let isUnregistered = Gate()
    let user = TestThread {
      guard let use = registry.lookup(own) else { return }
      isUsed.open()
      mayEnd.wait()
      precondition(use.heap.number == 1)
      precondition(!isUnregistered.isOpen)
    }
    isUsed.wait()
    let remover = TestThread {
      precondition((try? registry.unregister(own)) != nil)
      isUnregistered.open()
    }
    while host.relaxCount < 100 { yieldToOthers() }
    #expect(!isUnregistered.isOpen)
    #expect(try lookUp("a", in: registry) == nil)
    #expect(try lookUp("x", in: registry) == nil)
    // Until it is gone, its name is taken, and nobody else can remove it.
    #expect(throws: HeapRegistryError.duplicateName) { try registry.register(Heap(2), as: own) }
    #expect(throws: HeapRegistryError.unknownName) { try registry.unregister(own) }
    mayEnd.open()
    user.join()
    remover.join()
    #expect(isUnregistered.isOpen)
    try registry.register(Heap(2), as: own)
    #expect(try lookUp("a", in: registry) == 2)
  }

  /// Every use counts, whether by name or by alias.
  @Test(.timeLimit(.minutes(20)))
  func unregister_waitsForTheLastOfManyUses() throws {
    let registry = registry()
    let own = try name("a")
    let alias = try name("x")
    try registry.register(Heap(1), as: own, aliases: [alias])
    let gates = (0..<4).map { _ in (isUsed: Gate(), mayEnd: Gate()) }
    let users = gates.indices.map { index in
      TestThread {
        guard let use = registry.lookup(index % 2 == 0 ? own : alias) else { return }
        gates[index].isUsed.open()
        gates[index].mayEnd.wait()
        precondition(use.heap.number == 1)
      }
    }
    for gate in gates { gate.isUsed.wait() }
    let isUnregistered = Gate()
    let remover = TestThread {
      precondition((try? registry.unregister(own)) != nil)
      isUnregistered.open()
    }
    for (user, gate) in zip(users, gates) {
      let relaxed = host.relaxCount
      while host.relaxCount < relaxed + 100 { yieldToOthers() }
      #expect(!isUnregistered.isOpen)
      gate.mayEnd.open()
      user.join()
    }
    remover.join()
  }
}
