// SPDX-License-Identifier: MIT

import CHeapChecks
import CLinuxShims
import Glibc

/// The module's file, loaded and unloaded without the help of other programs.
struct LoadableModule {
  let path: String

  /// Loads it; the failure, if it fails.
  func load(_ parameters: String) -> SystemFailure? {
    let file = shim_open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return SystemFailure("open \(path)") }
    let result = checks_load_module(file, parameters)
    let failure = SystemFailure("load")
    close(file)
    return result == 0 ? nil : failure
  }

  func unload() throws(SystemFailure) {
    if checks_unload_module("swift_dma_heaps") != 0 { throw SystemFailure("unload") }
  }
}
