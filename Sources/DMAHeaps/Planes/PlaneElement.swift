// SPDX-License-Identifier: MIT

/// What a plane's memory can be looked at as: a type of which every pattern of bits is a value.
///
/// Memory that other processes write can have any pattern. A structure of your own may conform when it has no
/// padding and all of its properties conform, such as one of the two chroma samples of NV12; `Bool` and most
/// enumerations cannot.
public protocol PlaneElement: BitwiseCopyable {}

extension UInt8: PlaneElement {}
extension UInt16: PlaneElement {}
extension UInt32: PlaneElement {}
extension UInt64: PlaneElement {}
extension Int8: PlaneElement {}
extension Int16: PlaneElement {}
extension Int32: PlaneElement {}
extension Int64: PlaneElement {}
extension Float16: PlaneElement {}
extension Float: PlaneElement {}
extension Double: PlaneElement {}
