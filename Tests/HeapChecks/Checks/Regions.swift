// SPDX-License-Identifier: MIT

import Glibc

/// C1 and C2: heaps whose memory is a region's.
extension Check {
  static let regions: [Check] = [
    Check(
      "region-places", "every chunk and run is the region's, aligned, in a row, and nobody else's",
      .special, needsModule: true
    ) { try places($0) },
    Check(
      "region-exhausted", "all of it can be had, once, and again after it was freed", .special,
      needsModule: true
    ) { try exhausted($0) },
    Check(
      "region-random", "figures agree with who has what, at every step", .special, needsModule: true
    ) { try random($0) },
  ]

  private static func region(of node: HeapNode) throws -> ModuleRegion {
    guard let region = try ModuleRegion(of: node.name) else {
      throw CheckSkipped(reason: "\(node.name) has no region")
    }
    return region
  }

  /// Pages in buffers so small that a region has some hundreds of them: each has a descriptor.
  private static func grain(of region: ModuleRegion) -> Int {
    (region.pages / region.unit + 499) / 500 * region.unit
  }

  /// Allocates until there is no more.
  private static func fill(_ node: HeapNode, pages: Int) throws -> [DMABuffer] {
    var buffers: [DMABuffer] = []
    while true {
      do throws(SystemFailure) {
        buffers.append(try node.allocate(pages * pageSize))
      } catch {
        try require(
          error.errorNumber == ENOMEM, "\(buffers.count) buffers of \(pages) pages: \(error)")
        return buffers
      }
    }
  }

  /// The frames that a buffer is made of, each run of them that a device may take for one.
  private static func frames(of buffer: DMABuffer, unit: Int) throws -> [Int] {
    let importer = try Importer(buffer)
    defer { importer.close() }
    try importer.attach(.plain)
    try importer.map(.plain, .both)
    var frames: [Int] = []
    for page in 0..<buffer.pages {
      frames.append(Int(try importer.locate(.plain, page * pageSize)) / pageSize)
      // A chunk, or a buffer of a heap of runs, is one row.
      if page % unit != 0 {
        try require(
          frames[page] == frames[page - 1] + 1,
          "page \(page) is in frame \(frames[page]), the one before in \(frames[page - 1])")
      }
    }
    return frames
  }

  private static func places(_ context: CheckContext) throws -> String {
    let node = try context.node
    let region = try region(of: node)
    let bounds = region.firstFrame..<region.firstFrame + region.pages
    let baseline = try Baseline()
    let grain = grain(of: region)
    var random = context.random
    var total = 0
    for round in 0..<4 {
      // Every second one is freed again, so that what comes next lies in pieces.
      var buffers = try fill(node, pages: grain * Int.random(in: 1...40, using: &random))
      for index in buffers.indices.reversed() where index % 2 == round % 2 {
        buffers.remove(at: index).close()
      }
      buffers += try fill(node, pages: grain * Int.random(in: 1...60, using: &random))
      buffers += try fill(node, pages: grain)
      var owners = Set<Int>()
      for buffer in buffers {
        let unit = region.chunk == 0 ? buffer.pages : region.chunk
        for (page, frame) in try frames(of: buffer, unit: unit).enumerated() {
          try require(bounds.contains(frame), "frame \(frame) is outside of \(bounds)")
          try require(owners.insert(frame).inserted, "frame \(frame) has two owners")
          if region.chunk > 0, page % region.chunk == 0 {
            try require(frame % region.chunk == 0, "a chunk begins at frame \(frame)")
          }
        }
      }
      total += buffers.count
      for buffer in buffers { buffer.close() }
    }
    try baseline.requireReturn("after \(total) buffers")
    return "\(total) buffers"
  }

  private static func exhausted(_ context: CheckContext) throws -> String {
    let node = try context.node
    let region = try region(of: node)
    let baseline = try Baseline()
    try require(region.free == region.pages, "\(region.free) pages of \(region.pages) are free")
    let grain = grain(of: region)
    for size in [grain, 4 * grain, region.pages / region.unit * region.unit] {
      let buffers = try fill(node, pages: size)
      try require(
        buffers.count == region.pages / size,
        "\(buffers.count) buffers of \(size) pages in a region of \(region.pages)")
      let full = try self.region(of: node)
      try require(full.free == region.pages % size, "the region is full: \(full)")
      for buffer in buffers { buffer.close() }
      try requireWhole(node, region)
    }
    // One unit more than there are is refused, and takes nothing.
    try requireFailure(ENOMEM, of: "more than the region has") { () throws(SystemFailure) in
      _ = try node.allocate((region.pages + region.unit) * pageSize)
    }
    let hole = try node.allocate(pageSize)
    try requireFailure(ENOMEM, of: "all of the region beside a buffer") {
      () throws(SystemFailure) in _ = try node.allocate(region.pages * pageSize)
    }
    hole.close()
    try requireWhole(node, region)
    try baseline.requireReturn("after the region was full")
    return "\(region.pages) pages"
  }

  private static func requireWhole(_ node: HeapNode, _ region: ModuleRegion) throws {
    var now = region
    let isWhole = try Machine.wait {
      now = try self.region(of: node)
      return now.free == region.pages && now.largestRun == region.pages
    }
    try require(isWhole, "nobody has anything, but the region is not whole: \(now)")
  }

  private static func random(_ context: CheckContext) throws -> String {
    let node = try context.node
    let region = try region(of: node)
    let baseline = try Baseline()
    var random = context.random
    var buffers: [DMABuffer] = []
    var held = 0
    var refused = 0
    for step in 0..<2000 {
      if buffers.isEmpty || Int.random(in: 0..<5, using: &random) > 1 {
        let pages = Int.random(in: 1...region.pages / 12, using: &random)
        do throws(SystemFailure) {
          let buffer = try node.allocate(pages * pageSize)
          buffers.append(buffer)
          held += buffer.pages
        } catch {
          try require(error.errorNumber == ENOMEM, "step \(step): \(error)")
          let now = try self.region(of: node)
          let wanted = (pages + region.unit - 1) / region.unit * region.unit
          let most = region.chunk == 0 ? now.largestRun : now.free
          try require(most < wanted, "step \(step): \(pages) pages were refused: \(now)")
          refused += 1
          buffers.remove(at: Int.random(in: buffers.indices, using: &random)).close()
          held = buffers.reduce(0) { $0 + $1.pages }
        }
      } else {
        let buffer = buffers.remove(at: Int.random(in: buffers.indices, using: &random))
        if Bool.random(using: &random) { try buffer.map().fill(UInt64(step)) }
        held -= buffer.pages
        buffer.close()
      }
      let now = try self.region(of: node)
      try require(
        now.free == region.pages - held, "step \(step): \(held) pages are held: \(now)")
    }
    for buffer in buffers { buffer.close() }
    try requireWhole(node, region)
    try baseline.requireReturn("after 2000 steps")
    return "2000 steps, \(refused) refused, seed \(context.seed)"
  }
}
