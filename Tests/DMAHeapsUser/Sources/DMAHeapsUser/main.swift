// SPDX-License-Identifier: MIT

import DMAHeaps

/// A frame on its way to another process.
struct Frame: ~Copyable {
  var buffer: Buffer
  let descriptor: OwnedDescriptor
}

func makeFrame(_ heap: Heap) throws(HeapError) -> Frame {
  var buffer = try heap.allocate(byteCount: 1 << 20)
  buffer.withUnsafeMutableBytes { $0[0] = 42 }
  let descriptor = try buffer.exportDescriptor()
  return Frame(buffer: buffer, descriptor: descriptor)
}

let heap = try Heap(named: "system")
let frame = try makeFrame(heap)
let first = frame.buffer.withUnsafeBytes { $0[0] }
let number = try heap.allocateDescriptor(byteCount: 4096).relinquish()
let raw = OwnedDescriptor(owning: number)
print(
  "\(heap.name): \(frame.buffer.byteCount) bytes as descriptor \(frame.descriptor.rawValue), "
    + "which begin with \(first); 4096 as \(raw.rawValue)")
