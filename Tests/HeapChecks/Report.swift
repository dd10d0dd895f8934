// SPDX-License-Identifier: MIT

import Glibc

/// How a check ended.
enum Outcome {
  case holds(String)
  case fails(String)
  case skipped(String)
}

/// What is printed: one line per check, at once, because a crash leaves no other chance.
struct Report {
  let isJSON: Bool
  private(set) var failures = 0

  init(isJSON: Bool) {
    self.isJSON = isJSON
  }

  func begin(_ arguments: Arguments) {
    if isJSON {
      emit(#"{"heap":\#(quoted(arguments.heap)),"seed":\#(arguments.seed)}"#)
    } else {
      emit("heap-checks: \(arguments.heap), replay with --seed \(arguments.seed)")
    }
  }

  mutating func add(_ check: Check, _ outcome: Outcome, seconds: Double) {
    let result: String
    let text: String
    switch outcome {
    case .holds(let details): (result, text) = ("ok", details)
    case .fails(let reason): (result, text) = ("FAILED", reason)
    case .skipped(let reason): (result, text) = ("skipped", reason)
    }
    if case .fails = outcome { failures += 1 }
    let tenths = Int(seconds * 10)
    let time = "\(tenths / 10).\(tenths % 10)"
    if isJSON {
      let fields = [
        #""name":\#(quoted(check.name))"#, #""result":\#(quoted(result))"#,
        #""details":\#(quoted(text))"#, #""seconds":\#(time)"#,
      ]
      emit("{\(fields.joined(separator: ","))}")
    } else if result == "ok" {
      emit("ok \(check.name) (\(text); \(time) s)")
    } else {
      emit("\(result) \(check.name): \(text)")
    }
  }

  private func emit(_ line: String) {
    print(line)
    fflush(nil)
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
