// SPDX-License-Identifier: MIT

import Glibc

/// Checks of a kernel's dma-buf heaps, from the outside.
///
/// It is one static program, for a guest with nothing else in it but `/proc`. It shares no code with what it checks.
@main
enum HeapChecks {
  static func main() {
    do throws(Arguments.Misuse) {
      let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
      switch arguments.command {
      case .list: list()
      case .run(let names): exit(run(try selected(names), arguments))
      case .hold(let what): exit(hold(what, arguments))
      }
    } catch {
      complain("\(error)\n\(Arguments.usage)")
      exit(64)
    }
  }

  private static func list() {
    for check in Check.all {
      let note = check.kind == .special ? " (only by name)" : ""
      let padding = String(repeating: " ", count: max(1, 24 - check.name.count))
      print("\(check.name)\(padding)\(check.summary)\(note)")
    }
  }

  private static func selected(_ names: [String]) throws(Arguments.Misuse) -> [Check] {
    var checks: [Check] = []
    for name in names {
      if name == "all" {
        checks += Check.all.filter { $0.kind == .common }
      } else if let check = Check.all.first(where: { $0.name == name }) {
        checks.append(check)
      } else {
        throw Arguments.Misuse(description: "no check \(name)")
      }
    }
    return checks
  }

  private static func run(_ checks: [Check], _ arguments: Arguments) -> Int32 {
    var report = Report(isJSON: arguments.isJSON)
    report.begin(arguments)
    for check in checks {
      let start = Machine.now()
      let outcome = outcome(of: check, arguments)
      report.add(check, outcome, seconds: Machine.now() - start)
    }
    return report.failures == 0 ? 0 : 1
  }

  private static func outcome(of check: Check, _ arguments: Arguments) -> Outcome {
    do {
      if check.needsModule, !ModuleFiles.areThere {
        // A heap that is said to be the module's has no excuse.
        let reason = "there is no \(ModuleFiles.accounts)"
        return arguments.isStrict ? .fails(reason) : .skipped(reason)
      }
      return .holds(try check.body(CheckContext(arguments, check)))
    } catch let skipped as CheckSkipped {
      return .skipped(skipped.reason)
    } catch {
      return .fails("\(error)")
    }
  }
}
