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

# The architectures that the kernel host is built for.
architectures=(x86_64 aarch64)

# Sets what compiles for the kernel of an architecture: `triple`, `machine` (the C compiler's flags), `kernel`
# (swiftc's), and `binutils`, before the names of tools.
#
# No vector registers, because the kernel does not save them; its code model; its protection of branches and
# returns. On x86-64 no red zone, because interrupts share the stack; on arm64 no x18, which is the kernel's shadow
# stack, and atomics that call nobody. The kernel's own stack protector keeps the guard elsewhere than Swift's
# expects it.
use_architecture() {
  case $1 in
    x86_64)
      triple=x86_64-unknown-none-elf
      machine=(
        -mno-red-zone -mno-sse -mno-mmx -msoft-float
        -mcmodel=kernel -fno-pic
        -mretpoline-external-thunk -fcf-protection=branch
      )
      ;;
    aarch64)
      triple=aarch64-none-none-elf
      machine=(
        -mgeneral-regs-only -mno-outline-atomics -ffixed-x18
        -mcmodel=small -fno-pic
        -mbranch-protection=pac-ret+bti
      )
      ;;
    *)
      echo "error: there is no flag for '$1'; the architectures are ${architectures[*]}" >&2
      exit 1
      ;;
  esac
  kernel=(-target "$triple" -Xfrontend -disable-stack-protector)
  for flag in "${machine[@]}"; do kernel+=(-Xcc "$flag"); done
  binutils=
  if [[ $1 != "$(uname -m)" ]]; then binutils=$1-linux-gnu-; fi
}

# The compiler of intermediate code that belongs to the Swift compiler.
clang=$(dirname "$(readlink -f "$(command -v swiftc)")")/clang
