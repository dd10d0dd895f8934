// SPDX-License-Identifier: MIT

import Foundation

/// What the C library calls an errno.
package enum SystemErrorText {
  package static func of(_ errorNumber: Int32) -> String {
    // SAFETY: strerror returns a terminated string that lasts until the thread's next call of it.
    unsafe String(cString: strerror(errorNumber))
  }
}
