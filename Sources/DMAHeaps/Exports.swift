// SPDX-License-Identifier: MIT
//
// `import DMAHeaps` is enough: the types of the layers below that its declarations speak of can be
// written down, and their members used, without importing a module that is nobody's business.
//
// A type alias would give the names alone: with `MemberImportVisibility`, members need an import of the
// module that declares them. Importing one type with `@_exported` brings its members along and keeps
// all other names of the module out.

@_exported public import struct HeapFramework.DescriptorFlags
@_exported public import enum HeapFramework.RequestError
@_exported public import struct LinuxHost.OwnedDescriptor
@_exported public import struct PagePools.ByteCount
