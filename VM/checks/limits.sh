#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Who may hold how much, and where it is told (A2, A3): limits of a user and of all, changeable at any time; a
# refusal that names the limit, its holder and what was asked; totals for everybody, who holds what for root.

. ./lib.sh

totals=/sys/kernel/swift_dma_heaps
debug=/sys/kernel/debug/swift_dma_heaps
mkdir -p /etc
echo 'root:x:0:0::/:/bin/sh
video:x:1000:1000::/:/bin/sh' >/etc/passwd

before=$(free_memory)
load

# By default three quarters of memory for all, a half for one user.
memory=$(awk '$1 == "MemTotal:" { print int($2 / 4) }' /proc/meminfo)
for limit in "total_limit 3 4" "client_limit 1 2"; do
  set -- $limit
  has=$(cat $parameters/$1)
  wanted=$((memory * $2 / $3))
  # MemTotal is of this moment, the module's was of another.
  [ $((has - wanted)) -lt 1024 ] && [ $((wanted - has)) -lt 1024 ] || bad "$1 is $has pages of $memory"
done

set -- $(nodes)
chmod 666 "$1" "$2"
holders=

# A process of the user $1 that holds 1 MiB of the node $2 for a minute.
hold() {
  su -s /bin/sh -c "exec heap-checks hold buffer --seconds 60 --heap $2" "$1" >/tmp/held.$$ 2>&1 &
  holders="$holders $!"
  for _ in $(seq 50); do
    grep -q holding /tmp/held.$$ && return 0
    kill -0 $! 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

let_go() {
  kill $holders 2>/dev/null
  wait $holders 2>/dev/null
  holders=
  for _ in $(seq 50); do
    [ "$(cat $totals/buffers_kb)" = 0 ] && return
    sleep 0.1
  done
  bad "$(cat $totals/buffers_kb) KiB are held when nobody is left"
}

told() {
  dmesg | grep -q "$1" || bad "the log does not say: $1"
}

echo 600 >$parameters/client_limit
hold video "$1" || bad "the first MiB was refused"
hold video "$2" || bad "the second MiB was refused"
[ "$(cat $totals/buffers_kb)" = 2048 ] || bad "$(cat $totals/buffers_kb) KiB are held, not 2048"
hold video "$1" && bad "a third MiB was given beyond a limit of 600 pages"
told 'client_limit: uid 1000: 512 pages held of 600, 256 more asked by .*of uid 1000; most has uid 1000: 512'
[ "$(awk '$1 == 1000 { print $2, $3, $4 }' $debug/users)" = "2097152 2 2097152" ] ||
  bad "users say: $(cat $debug/users)"
[ "$(awk '$2 == 1048576 && $3 == 1' $debug/processes | wc -l)" = 2 ] ||
  bad "processes say: $(cat $debug/processes)"

# The limit of a user is not root's; that of all is.
hold root "$1" || bad "root was refused by the limit of a user"
echo 800 >$parameters/total_limit
hold root "$1" && bad "a fourth MiB was given beyond a limit of 800 pages for all"
told 'total_limit: everybody: 768 pages held of 800, 256 more asked'

# Raised, it is obeyed at once; lowered, nothing is taken away.
echo 1024 >$parameters/total_limit
hold root "$1" || bad "a limit that was raised still holds"
echo 0 >$parameters/total_limit
[ "$(cat $totals/buffers_kb)" = 4096 ] || bad "a lowered limit took something away"
echo -1 >$parameters/total_limit 2>/dev/null && bad "a limit of -1 was taken"

# Everybody may read the totals and what each heap has given out, and nobody but root who holds it.
for file in total_pools_kb deferred_kb buffers_kb buffers_peak_kb; do
  su -s /bin/sh -c "cat $totals/$file" video >/dev/null || bad "$file is not for everybody"
done
own=/sys/class/misc/swift_dma_heap-$(basename "$1")
[ "$(su -s /bin/sh -c "cat $own/buffers $own/size_kb" video | tr '\n' ' ')" = "3 3072 " ] ||
  bad "the heap says $(cat $own/buffers $own/size_kb | tr '\n' ' ')"
su -s /bin/sh -c "cat $debug/users" video >/dev/null 2>&1 && bad "everybody can read who holds what"
[ "$(readlink -f /sys/kernel/dma_heap)" = "$totals" ] || bad "total_pools_kb is not where Android looks for it"

let_go
# Pooled memory is charged to nobody, but it is told.
[ "$(cat $totals/total_pools_kb)" -ge 1024 ] || bad "nothing is pooled: $(cat $totals/total_pools_kb) KiB"
unload
memory_is_back "$before"
exit $status
