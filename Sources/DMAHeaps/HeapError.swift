// SPDX-License-Identifier: MIT

internal import Glibc
public import HeapFramework
internal import LinuxHost
internal import PagePools

/// Why a call failed: what was asked for, and which limit is in the way.
public enum HeapError: Error, Equatable, Sendable {
  /// No heap has this name (ENODEV).
  case unknownHeap(name: String, available: [String])
  /// The kernel has no heap of this name: there is no such node, but those that are named (ENODEV).
  case unknownKernelHeap(node: String, available: [String])
  /// A call on a kernel heap's node, or on a buffer from it, failed.
  case kernelHeapFailed(heap: String, node: String, call: String, errorNumber: Int32)
  /// The heap cannot be had here (ENODEV).
  case absentHeap(name: String, reason: String)
  /// A size of 0 or less, or a negative limit (EINVAL).
  case invalidSize(byteCount: Int)
  /// Flags that have none of the three access modes (EINVAL).
  case invalidAccessMode(flags: UInt32)
  /// A low mark below 0 or above the high one (EINVAL).
  case invalidWatermarks(low: Int, high: Int)
  /// All high marks together are more than the pools may keep (EINVAL).
  case watermarksExceedLimit(byteCount: Int, limitByteCount: Int)
  /// The request breaks a rule of the ABI (EINVAL).
  case invalidRequest(RequestError)
  /// A heap's or buffer's name breaks a rule (EINVAL, ENAMETOOLONG).
  case invalidName(String, reason: String)
  /// A region or one of its heaps cannot be as its configuration says (EINVAL).
  case invalidRegion(name: String, reason: String)
  /// The heap's region has no room: for a heap of runs so much in one run, for one of chunks so many of them (ENOMEM).
  case regionExhausted(requestedByteCount: Int, freeByteCount: Int, largestRunByteCount: Int)
  /// No buffer of the heap can be so large (ENOMEM).
  case bufferTooLarge(requestedByteCount: Int, largestByteCount: Int)
  /// The heap's memory cannot be used in that way (ENOTSUP).
  case notSupported(heap: String, reason: String)
  /// There is not so much memory (ENOMEM).
  case outOfMemory(requestedByteCount: Int, availableByteCount: Int)
  /// A limit of the process, the user or the machine is reached (the call's errno).
  case limitReached(name: String, value: Int?, errorNumber: Int32)
  /// Another system call failed.
  case systemCallFailed(name: String, errorNumber: Int32)
  /// A buffer could not be sent or received (the failure's errno).
  case transferFailed(TransferFailure)
  /// A layout or an access to one of its planes, counted from 0, is not possible (EINVAL).
  case invalidLayout(plane: Int, reason: String)
  /// Nobody can tell when memory is released (ENOTSUP).
  case releaseUnknown(reason: String)
  /// The system belongs to the process that this one was forked from (EPERM).
  case usedAfterFork
}

extension HeapError: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    switch self {
    case .unknownHeap(let name, let available):
      "no heap is named '\(name)'; there are: \(available.joined(separator: ", "))"
    case .unknownKernelHeap(let node, let available):
      "there is no \(node); there are: "
        + (available.isEmpty ? "none" : available.joined(separator: ", "))
    case .kernelHeapFailed(let heap, let node, let call, let errorNumber):
      "heap '\(heap)': \(call) on \(node) failed: \(Self.message(errorNumber))"
        + (errorNumber == ENOTTY ? " (it is no heap)" : "")
    case .absentHeap(let name, let reason):
      "heap '\(name)' is absent: \(reason)"
    case .invalidSize(let byteCount):
      "a size of \(byteCount) bytes is not possible: it must be 1 or more, a limit 0 or more"
    case .invalidAccessMode(let flags):
      "descriptor flags 0x\(String(flags, radix: 16)) have no access mode: "
        + "O_RDONLY, O_WRONLY and O_RDWR are known"
    case .invalidWatermarks(let low, let high):
      "watermarks of \(low) and \(high) are not possible: 0 <= low <= high"
    case .watermarksExceedLimit(let byteCount, let limit):
      "all high marks together ask for \(byteCount) bytes, but pools may keep \(limit)"
    case .invalidRequest(let error):
      "invalid request: \(error.explanation)"
    case .invalidName(let name, let reason):
      "invalid name '\(name)': \(reason)"
    case .invalidRegion(let name, let reason):
      "region '\(name)' is not possible: \(reason)"
    case .regionExhausted(let requested, let free, let largestRun):
      "the region has no room for \(requested) bytes: \(free) are free, \(largestRun) of them in one run"
    case .bufferTooLarge(let requested, let largest):
      "\(requested) bytes were asked for, but the heap's buffers have at most \(largest)"
    case .notSupported(let heap, let reason):
      "heap '\(heap)' cannot do that: \(reason)"
    case .outOfMemory(let requested, let available):
      "out of memory: \(requested) bytes were asked for, \(available) bytes are available"
    case .limitReached(let name, let value, let errorNumber):
      "\(name) is reached\(value.map { " (\($0))" } ?? ""): \(Self.message(errorNumber))"
    case .systemCallFailed(let name, let errorNumber):
      "\(name) failed: \(Self.message(errorNumber))"
    case .transferFailed(let failure):
      "a buffer cannot be passed on: \(failure)"
    case .invalidLayout(let plane, let reason):
      "plane \(plane) is not possible: \(reason)"
    case .releaseUnknown(let reason):
      "nobody can tell when the memory is released: \(reason)"
    case .usedAfterFork:
      "heaps cannot be used in a forked child; make a new HeapSystem, or export a descriptor before"
    }
  }

  /// The errno that a C interface returns for the error.
  public var errorNumber: Int32 {
    switch self {
    case .unknownHeap, .absentHeap, .unknownKernelHeap: ENODEV
    case .invalidSize, .invalidWatermarks, .watermarksExceedLimit, .invalidRequest,
      .invalidAccessMode, .invalidLayout, .invalidRegion:
      EINVAL
    case .invalidName(let name, _):
      name.utf8.count > Buffer.maximumNameByteCount ? ENAMETOOLONG : EINVAL
    case .outOfMemory, .regionExhausted, .bufferTooLarge: ENOMEM
    case .limitReached(_, _, let errorNumber), .systemCallFailed(_, let errorNumber),
      .kernelHeapFailed(_, _, _, let errorNumber):
      errorNumber
    case .transferFailed(let failure): failure.errorNumber
    case .releaseUnknown, .notSupported: ENOTSUP
    case .usedAfterFork: EPERM
    }
  }

  static func message(_ errorNumber: Int32) -> String {
    unsafe String(cString: strerror(errorNumber))
  }
}

extension RequestError {
  var explanation: String {
    switch self {
    case .unknownCommand(let command): "unknown command 0x\(String(command, radix: 16))"
    case .descriptorNotZero(let value): "the field fd is \(value), it must be 0"
    case .unknownDescriptorFlags(let flags):
      "unknown descriptor flags 0x\(String(flags, radix: 16)); O_CLOEXEC and an access mode are known"
    case .unknownHeapFlags(let flags): "unknown heap flags 0x\(String(flags, radix: 16))"
    case .lengthIsZero: "the length is 0"
    case .lengthOverflows(let length):
      "a length of \(length.rawValue) bytes overflows when rounded up to pages"
    }
  }
}

// MARK: - From the layers below

/// Calls `body` and turns the host's failure into an error for the user, who asked for `byteCount` bytes.
func translatingFailure<R: ~Copyable>(
  _ byteCount: Int, _ body: () throws(HostFailure) -> R
) throws(HeapError) -> R {
  do throws(HostFailure) {
    return try body()
  } catch {
    throw HeapError(error, requestedByteCount: byteCount)
  }
}

extension HeapError {
  init(_ error: RequestError) {
    self = .invalidRequest(error)
  }

  init(_ error: HeapNameError, name: String) {
    let reason =
      switch error {
      case .empty: "it is empty"
      case .tooLong: "it has more than \(HeapName.maximumByteCount) bytes"
      case .containsSlash: "it contains '/'"
      case .containsNull: "it contains a NUL byte"
      case .isDirectoryReference: "it names a directory"
      }
    self = .invalidName(name, reason: reason)
  }

  private init?(_ shortage: Shortage?) {
    guard let shortage else { return nil }
    let requested = shortage.asked.byteCount
    switch shortage.reason {
    case .fragmented(let free, let largestRun):
      self = .regionExhausted(
        requestedByteCount: requested, freeByteCount: free.byteCount,
        largestRunByteCount: largestRun.byteCount)
    case .largestBuffer(let largest):
      self = .bufferTooLarge(
        requestedByteCount: requested, largestByteCount: largest.byteCount)
    case .source, .totalLimit, .clientLimit: return nil
    }
  }

  init(_ failure: HostFailure, requestedByteCount: Int = 0) {
    if let shortage = HeapError(failure.shortage) {
      self = shortage
    } else if let limit = ResourceLimit(reachedBy: failure) {
      self = .limitReached(
        name: limit.name, value: limit.value, errorNumber: failure.errorNumber)
    } else if failure.errorNumber == ENOMEM || failure.errorNumber == ENOSPC {
      self = .outOfMemory(
        requestedByteCount: requestedByteCount,
        availableByteCount: MemoryLimits.ofProcess.allowance().available)
    } else {
      self = .systemCallFailed(
        name: failure.operation.systemCallName, errorNumber: failure.errorNumber)
    }
  }
}
