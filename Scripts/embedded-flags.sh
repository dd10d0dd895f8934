# SPDX-License-Identifier: MIT
#
# How the core is compiled as Embedded Swift; to be sourced.

# The core, in dependency order.
modules=(PagePools HeapFramework)

# The settings of the manifest's core targets, which plain swiftc does not read.
settings=(
  -swift-version 6
  -enable-upcoming-feature ExistentialAny
  -enable-upcoming-feature InternalImportsByDefault
  -enable-upcoming-feature MemberImportVisibility
  -enable-experimental-feature Lifetimes
  -enable-experimental-feature SuppressedAssociatedTypes
  -strict-memory-safety
  -warnings-as-errors
  -package-name swift_dma_heaps
  -enable-experimental-feature Embedded
  -wmo -parse-as-library -O
)

# No red zone, because interrupts share the stack; no vector registers, because the kernel does not
# save them; the kernel's code model; its mitigations of indirect branches. Its own stack
# protector keeps the guard elsewhere than Swift's expects it.
machine=(
  -mno-red-zone -mno-sse -mno-mmx -msoft-float
  -mcmodel=kernel -fno-pic
  -mretpoline-external-thunk -fcf-protection=branch
)
kernel=(-target x86_64-unknown-none-elf -Xfrontend -disable-stack-protector)
for flag in "${machine[@]}"; do kernel+=(-Xcc "$flag"); done

# The compiler of intermediate code that belongs to the Swift compiler.
clang=$(dirname "$(readlink -f "$(command -v swiftc)")")/clang
