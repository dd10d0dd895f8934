// SPDX-License-Identifier: MIT

/// The command line.
struct Arguments {
  enum Command {
    case list
    case run(names: [String])
    /// Uses the heap in one way for some time.
    case hold(Holding)
  }

  /// What keeps a module from being unloaded.
  enum Holding: String {
    case node
    case buffer
    case mapping
    /// Any of them, for moments.
    case visits
  }

  struct Misuse: Error, CustomStringConvertible {
    let description: String
  }

  static let usage = """
    usage: heap-checks list
           heap-checks run all|NAME... [options]
           heap-checks hold node|buffer|mapping|visits [--heap NODE]

      --heap NODE         the heap to check (/dev/dma_heap/system)
      --seed N            replay the choices of an earlier run
      --seconds N         how long to hold, and to make checks that run for a time (5)
      --threads N         how many threads use the heap at once (4)
      --strict            the heap is swift_dma_heaps': check what only that promises
      --json              one JSON object per check
      --module FILE       the module, for checks that load it
      --parameters TEXT   its parameters

    Exit status: 0 when every check that could be made holds, 1 when one does not, 64 wrong usage.
    """

  var command = Command.list
  var heap = "/dev/dma_heap/system"
  var seed = UInt64.random(in: 1...UInt64(UInt32.max))
  var seconds = 5.0
  var threads = 4
  var isStrict = false
  var isJSON = false
  var module: String?
  var parameters = ""

  init(_ words: [String]) throws(Misuse) {
    var words = words[...]
    var names: [String] = []

    func value(of option: String) throws(Misuse) -> String {
      if let value = words.popFirst() { return value }
      throw Misuse(description: "\(option) wants a value")
    }
    func number(of option: String) throws(Misuse) -> UInt64 {
      guard let number = UInt64(try value(of: option)) else {
        throw Misuse(description: "\(option) wants a number")
      }
      return number
    }

    guard let verb = words.popFirst() else { throw Misuse(description: "no command") }
    while let word = words.popFirst() {
      switch word {
      case "--heap": heap = try value(of: word)
      case "--seed": seed = try number(of: word)
      case "--seconds": seconds = Double(try number(of: word))
      case "--threads": threads = max(1, Int(clamping: try number(of: word)))
      case "--strict": isStrict = true
      case "--json": isJSON = true
      case "--module": module = try value(of: word)
      case "--parameters": parameters = try value(of: word)
      case _ where word.hasPrefix("-"): throw Misuse(description: "no option \(word)")
      default: names.append(word)
      }
    }

    switch (verb, names.count) {
    case ("list", 0): command = .list
    case ("run", 1...): command = .run(names: names)
    case ("hold", 1):
      guard let what = Holding(rawValue: names[0]) else {
        throw Misuse(description: "nothing like \(names[0]) can be held")
      }
      command = .hold(what)
    default: throw Misuse(description: "no such command: \(verb)")
    }
  }
}
