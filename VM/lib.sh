# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the rig's commands share: where things are, how they fail, which kernels there are.

# shellcheck disable=SC2034 # the commands use what is set here

rig=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command=$(basename "$0")
cache=${SWIFT_DMA_HEAPS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swift-dma-heaps}
kernels="built checked stock-6.1 stock-6.12 stock-7.2 stock-6.1-arm64 stock-6.12-arm64
stock-6.12-arm64-16k stock-7.2-arm64"

PATH=$PATH:/usr/sbin:/sbin
as_root=()
if [[ $(id -u) -ne 0 ]]; then as_root=(sudo); fi

say() {
  echo "$command: $*" >&2
}

fail() {
  echo "error: $*" >&2
  exit 1
}

# Fails unless the program $1, of the package $2, is here.
need() {
  command -v "$1" >/dev/null || fail "'$1' is missing: install the package '$2'"
}

# Makes a directory inside the cache that goes away with this command, whatever happens; its path is
# in `work`. What is moved out of it in one piece stays.
make_work_directory() {
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap remove_work_directory EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

remove_work_directory() {
  rm -rf "$work" 2>/dev/null || "${as_root[@]}" rm -rf "$work"
}

# Waits until no other command fills the part $1 of the cache, and keeps others waiting from then on.
lock() {
  mkdir -p "$cache"
  exec {lock}>"$cache/$1.lock"
  flock "$lock"
}

# Runs a long command with its output in the file $1, which is shown in part if the command fails.
logged() {
  local log=$1
  shift
  "$@" >>"$log" 2>&1 && return
  tail -n 30 "$log" >&2
  fail "'$1' failed; all it said is in $log"
}

# Sets what depends on the machine that the kernel named $1 is for: `architecture`, as Debian calls it, `cross`,
# before the names of a compiler's tools, and `make_for`, for a kernel's make.
use_machine_of() {
  case $1 in
    *-arm64 | *-arm64-16k)
      architecture=arm64
      cross=aarch64-linux-gnu-
      make_for=(ARCH=arm64 CROSS_COMPILE="$cross")
      need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
      ;;
    *)
      architecture=amd64
      cross=
      make_for=()
      need gcc gcc
      ;;
  esac
}

# Downloads packages of Debian's into the directory $1, with apt where `inside`, a command's first words, runs it, and
# as `apt_options` say.
inside=()
apt_options=()
download() {
  local directory=$1
  shift
  # shellcheck disable=SC2016 # the inner shell fills in the names
  logged "$log" "${inside[@]}" sh -ec 'cd "$0"; apt-get -o APT::Sandbox::User=root "$@"' \
    "$directory" "${apt_options[@]}" download "$@"
}

# Has apt, with `apt_options`, work for the machine that is in use, in a directory of its own, with this machine's mirrors
# of Debian's release $1 and keys. What it says is in the file `log`.
use_private_apt() {
  local apt=$work/apt suite=$1
  mkdir -p "$apt"/{state/lists/partial,cache/archives/partial}
  : >"$apt/status"
  # shellcheck disable=SC2016 # apt fills in the names
  apt-get indextargets --format '$(LABEL) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
    awk -v suite="$suite" '/^Debian/ && index($(NF - 1), suite) == 1 {
      print "deb [arch=arm64,amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $(NF - 2), $(NF - 1), $NF
    }' | sort -u >"$apt/sources"
  [[ -s $apt/sources ]] || fail "apt knows no mirror of Debian's $suite here: run 'apt-get update'"
  apt_options=(
    -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
    -o "Dir::Etc::sourcelist=$apt/sources" -o Dir::Etc::sourceparts=-
    -o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture" -o APT::Architectures::=amd64
  )
  logged "$log" apt-get "${apt_options[@]}" update
}

# Prints the directory of the kernel named $1, and makes it first if need be. In it are `release`,
# `vmlinuz`, `image/lib/modules`, and what external modules are built with: the link `build`, or in
# the chroot `root` the directory /lib/modules/RELEASE/build.
kernel_directory() {
  case $1 in
    built) "$rig/build-kernel" plain ;;
    checked) "$rig/build-kernel" checked ;;
    stock-*) "$rig/fetch-kernel" "${1#stock-}" ;;
    *) fail "no kernel is named '$1'; there are: $kernels" ;;
  esac
}

# Sets `source` and `version` to Debian's source of the kernel.
find_source() {
  source=/usr/src/linux-source-6.1.tar.xz
  version=$(dpkg-query -W -f "\${Version}" linux-source-6.1 2>/dev/null) || version=
  if [[ -z $version || ! -e $source ]]; then
    fail "'$source' is missing: install the package 'linux-source-6.1'"
  fi
  need xz xz-utils
  need gcc gcc
}
