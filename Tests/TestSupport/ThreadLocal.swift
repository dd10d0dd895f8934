// SPDX-License-Identifier: MIT

import Glibc

/// One integer for each thread, 0 at first.
///
/// The value is the thread-specific pointer itself, so nothing is allocated.
struct ThreadLocal: Sendable {
  private let key: pthread_key_t

  init() {
    var key = pthread_key_t()
    // SAFETY: the key is a local variable, written during the call only.
    let failure = unsafe pthread_key_create(&key, nil)
    precondition(failure == 0, "no thread-specific key is left")
    self.key = key
  }

  var value: Int {
    get {
      // SAFETY: the pointer is a number in disguise; it is never followed.
      unsafe Int(bitPattern: pthread_getspecific(key))
    }
    nonmutating set {
      // SAFETY: as above.
      let failure = unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: newValue))
      precondition(failure == 0, "a thread-specific value cannot be set")
    }
  }
}
