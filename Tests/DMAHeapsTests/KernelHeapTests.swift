// SPDX-License-Identifier: MIT

import DMAHeaps
import Glibc
import HeapFramework
import LinuxHost
import PagePools
import Testing

/// Heaps of the kernel, as far as they can be tested where there may be none: on nodes that fail.
@Suite
struct KernelHeapTests {
  /// A folder that goes away with its content.
  private final class NodeFolder {
    let path: String
    private var files: [String] = []

    init() throws {
      var template = Array("/tmp/dmaheap-nodes-XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
      for file in files { unlink(file) }
      rmdir(path)
    }

    /// A character device that is no heap.
    func addDevice(_ name: String) {
      files.append("\(path)/\(name)")
      symlink("/dev/null", "\(path)/\(name)")
    }

    func addFile(_ name: String) {
      files.append("\(path)/\(name)")
      close(creat("\(path)/\(name)", 0o600))
    }
  }

  private func failure(_ body: () throws(HeapError) -> Void) -> HeapError? {
    do throws(HeapError) {
      try body()
      Issue.record("nothing was thrown")
      return nil
    } catch {
      return error
    }
  }

  @Test func noFolder_saysSo() {
    let error = failure { () throws(HeapError) in
      _ = try KernelHeap(named: "system", in: "/no-such-folder")
    }
    #expect(error?.errorNumber == ENODEV)
    #expect(
      error.map { "\($0)" }
        == "heap 'system' is absent: /no-such-folder: No such file or directory")
  }

  @Test func unknownNode_namesThoseThereAre() throws {
    let folder = try NodeFolder()
    var error = failure { () throws(HeapError) in
      _ = try KernelHeap(named: "sytem", in: folder.path)
    }
    #expect(error.map { "\($0)" } == "there is no \(folder.path)/sytem; there are: none")
    folder.addDevice("system")
    folder.addDevice("reserved")
    folder.addFile("not-a-node")
    error = failure { () throws(HeapError) in
      _ = try KernelHeap(named: "sytem", in: folder.path)
    }
    #expect(
      error
        == .unknownKernelHeap(
          node: "\(folder.path)/sytem", available: ["reserved", "system"]))
    #expect(error?.errorNumber == ENODEV)
    #expect(
      error.map { "\($0)" } == "there is no \(folder.path)/sytem; there are: reserved, system")
  }

  @Test func node_thatIsNoHeap_isReportedWithPathAndErrno() throws {
    let folder = try NodeFolder()
    folder.addFile("file")
    folder.addDevice("device")
    for name in ["file", "device"] {
      let heap = try KernelHeap(named: name, in: folder.path)
      #expect(heap.name == name)
      let error = failure { () throws(HeapError) in
        _ = try heap.allocateDescriptor(byteCount: 4096)
      }
      #expect(error?.errorNumber == ENOTTY)
      #expect(
        error.map { "\($0)" }
          == """
          heap '\(name)': DMA_HEAP_IOCTL_ALLOC on \(folder.path)/\(name) failed: \
          Inappropriate ioctl for device (it is no heap)
          """)
    }
  }

  @Test func invalidRequests_areRefusedBeforeTheKernelIsAsked() throws {
    let folder = try NodeFolder()
    folder.addDevice("device")
    let heap = try KernelHeap(named: "device", in: folder.path).reopened()
    for byteCount in [0, -1] {
      let error = failure { () throws(HeapError) in
        _ = try heap.allocateDescriptor(byteCount: byteCount)
      }
      #expect(error == .invalidSize(byteCount: byteCount))
    }
    let error = failure { () throws(HeapError) in
      _ = try heap.allocateDescriptor(byteCount: 1, flags: DescriptorFlags(rawValue: 4))
    }
    #expect(error == .invalidRequest(.unknownDescriptorFlags(4)))
    for name in ["", "a/b", "..", String(repeating: "x", count: 64)] {
      let error = failure { () throws(HeapError) in
        _ = try KernelHeap(named: name, in: folder.path)
      }
      guard case .invalidName(name, _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test func descriptorThatIsNoBuffer_isReported() throws {
    let folder = try NodeFolder()
    folder.addFile("file")
    let heap = try KernelHeap(named: "file", in: folder.path)
    let file = OwnedDescriptor(owning: open("\(folder.path)/file", O_RDWR | O_CLOEXEC))
    ftruncate(file.rawValue, 12_288)
    #expect(try heap.byteCount(of: file) == 12_288)
    #expect(lseek(file.rawValue, 0, SEEK_CUR) == 0)
    var failed = 0
    do throws(HeapError) {
      try heap.beginAccess(to: file, .readWrite)
    } catch {
      #expect(error.errorNumber == ENOTTY)
      #expect("\(error)".contains("DMA_BUF_IOCTL_SYNC"))
      failed += 1
    }
    do throws(HeapError) {
      try heap.endAccess(to: file, .read)
    } catch {
      failed += 1
    }
    #expect(failed == 2)
  }

  @Test func descriptions_areOneForEachNode() throws {
    let folder = try NodeFolder()
    #expect(
      KernelHeap.descriptions(in: folder.path).map(\.absenceReason) == ["\(folder.path): no nodes"])
    folder.addDevice("system-contig")
    folder.addDevice("a")
    let nodes = KernelHeap.descriptions(in: folder.path)
    #expect(nodes.map(\.name) == ["a", "system-contig"])
    for node in nodes {
      #expect(node.source == "kernel")
      #expect(node.capabilities.contains("descriptor"))
      #expect(node.absenceReason == nil)
    }
    let absent = KernelHeap.descriptions(in: "/no-such-folder")
    #expect(absent.map(\.name) == ["system"])
    #expect(absent.first?.absenceReason == "/no-such-folder: No such file or directory")
  }

  @Test func listing_namesWhatIsMissingOnce() throws {
    let folder = try NodeFolder()
    folder.addDevice("system")
    folder.addDevice("system-contig")
    folder.addDevice("reserved")
    let listing = HeapCatalog.listing(
      own: [HeapCatalog.memfdHeap], kernelHeaps: KernelHeap.descriptions(in: folder.path))
    #expect(
      listing.map(\.name) == ["system", "reserved", "system", "system-contig", "system-uncached"])
    #expect(listing.map(\.source) == ["memfd", "kernel", "kernel", "kernel", "kernel"])
    #expect(listing.map { $0.absenceReason == nil } == [true, true, true, true, false])
    let failed = HeapCatalog.unavailable(
      .limitReached(name: "fs.inotify.max_user_instances", value: 0, errorNumber: EMFILE))
    #expect(failed.absenceReason?.contains("fs.inotify") == true)
    #expect(HeapCatalog.listing(own: [failed], kernelHeaps: []).first == failed)
  }
}
