// SPDX-License-Identifier: MIT

import Foundation

/// Where a device tree is: a file with a blob, or a folder as the kernel shows its own.
struct TreeSource: Equatable {
  let path: String

  /// Reads and checks the tree.
  ///
  /// - Throws: ``TreeSourceError``, which names the file or folder.
  func read() throws(TreeSourceError) -> FlattenedTree {
    let memory: TreeMemory
    if isFolder {
      do throws(TreeFolderError) {
        memory = try TreeFolder.read(path)
      } catch {
        throw TreeSourceError(description: error.description)
      }
    } else {
      do throws(FileReadError) {
        memory = TreeMemory(try FileBytes.read(path, atMost: FlattenedTree.mostBytes))
      } catch {
        throw TreeSourceError(description: "\(path): \(error)")
      }
    }
    do throws(FlattenedTreeError) {
      return try FlattenedTree(memory)
    } catch {
      throw TreeSourceError(description: "\(path): \(error)")
    }
  }

  /// Whether anything is there.
  var exists: Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0
  }

  private var isFolder: Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

/// Why there is no tree.
struct TreeSourceError: Error, CustomStringConvertible {
  let description: String
}
