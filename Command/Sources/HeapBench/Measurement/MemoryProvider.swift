// SPDX-License-Identifier: MIT

import CMeasurement
import DMAHeaps

/// One way to get memory, use it and give it back.
///
/// Loops are generic over it and specialised, so that a row measures the calls and nothing around
/// them.
protocol MemoryProvider: Sendable {
  /// What is held between allocation and release.
  associatedtype Memory: ~Copyable

  func allocate() throws(BenchFailure) -> Memory

  /// The same for another thread, sharing no more with this one than it must.
  func forAnotherThread() throws(BenchFailure) -> Self

  /// Writes every byte.
  func write(_ memory: inout Memory) throws(BenchFailure)

  func release(_ memory: consuming Memory)
}

extension MemoryProvider {
  func forAnotherThread() -> Self { self }
}

/// A heap's buffers: mapped here, freed when dropped.
struct BufferProvider: MemoryProvider {
  let system: HeapSystem
  let heap: Heap
  let byteCount: Int

  func allocate() throws(BenchFailure) -> Buffer {
    do throws(HeapError) {
      return try heap.allocate(byteCount: byteCount)
    } catch {
      throw .heap(error)
    }
  }

  func forAnotherThread() throws(BenchFailure) -> BufferProvider {
    BufferProvider(system: system, heap: try system.again(heap), byteCount: byteCount)
  }

  func write(_ memory: inout Buffer) {
    // SAFETY: the pointer is used inside the closure only, for as many bytes as it has.
    unsafe memory.withUnsafeMutableBytes { bytes in
      measurement_write(UInt(bitPattern: bytes.baseAddress), bytes.count)
    }
  }

  func release(_ memory: consuming Buffer) {
    _ = consume memory
  }
}

/// A heap's descriptors: freed when closed; a client that wants the bytes maps them.
struct DescriptorProvider: MemoryProvider {
  let system: HeapSystem
  let heap: Heap
  let byteCount: Int

  /// Whether the client maps with MAP_POPULATE.
  let populates: Bool

  func allocate() throws(BenchFailure) -> OwnedDescriptor {
    do throws(HeapError) {
      return try heap.allocateDescriptor(byteCount: byteCount)
    } catch {
      throw .heap(error)
    }
  }

  func forAnotherThread() throws(BenchFailure) -> DescriptorProvider {
    DescriptorProvider(
      system: system, heap: try system.again(heap), byteCount: byteCount, populates: populates)
  }

  func write(_ memory: inout OwnedDescriptor) throws(BenchFailure) {
    let errorNumber = measurement_map_and_write(memory.rawValue, byteCount, populates)
    guard errorNumber == 0 else { throw .systemCall("mmap", errorNumber: errorNumber) }
  }

  func release(_ memory: consuming OwnedDescriptor) {
    _ = consume memory
  }
}

extension HeapSystem {
  /// Looks a heap up once more: threads with a `Heap` of their own count no references together.
  fileprivate func again(_ heap: Heap) throws(BenchFailure) -> Heap {
    do throws(HeapError) {
      return try self.heap(named: heap.name)
    } catch {
      throw .heap(error)
    }
  }
}

/// What a program does without heaps, mapped.
struct FreshBufferProvider: MemoryProvider {
  let population: Population
  let byteCount: Int

  func allocate() throws(BenchFailure) -> measurement_memory {
    var memory = measurement_memory()
    // SAFETY: the call writes one structure, which outlives it.
    let errorNumber = unsafe measurement_fresh_buffer(population.rawValue, byteCount, &memory)
    guard errorNumber == 0 else {
      throw .systemCall("memfd_create to \(population.name)", errorNumber: errorNumber)
    }
    return memory
  }

  func write(_ memory: inout measurement_memory) {
    measurement_write(memory.address, memory.byte_count)
  }

  func release(_ memory: consuming measurement_memory) {
    measurement_release(memory)
  }
}

/// What a program does without heaps, as a descriptor.
struct FreshDescriptorProvider: MemoryProvider {
  let population: Population
  let byteCount: Int

  /// Whether the client maps with MAP_POPULATE.
  let populates: Bool

  func allocate() throws(BenchFailure) -> OwnedMeasuredDescriptor {
    var descriptor: Int32 = -1
    // SAFETY: the call writes one integer, which outlives it.
    let errorNumber = unsafe measurement_fresh_descriptor(
      population.rawValue, byteCount, &descriptor)
    guard errorNumber == 0 else {
      throw .systemCall("memfd_create to \(population.name)", errorNumber: errorNumber)
    }
    return OwnedMeasuredDescriptor(rawValue: descriptor)
  }

  func write(_ memory: inout OwnedMeasuredDescriptor) throws(BenchFailure) {
    let errorNumber = measurement_map_and_write(memory.rawValue, byteCount, populates)
    guard errorNumber == 0 else { throw .systemCall("mmap", errorNumber: errorNumber) }
  }

  func release(_ memory: consuming OwnedMeasuredDescriptor) {
    _ = consume memory
  }
}

/// A descriptor made below the library, closed at the end of its life.
struct OwnedMeasuredDescriptor: ~Copyable, Sendable {
  let rawValue: Int32

  init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  deinit {
    measurement_release(
      measurement_memory(descriptor: rawValue, address: 0, byte_count: 0))
  }
}
