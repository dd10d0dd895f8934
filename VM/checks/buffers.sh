#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The list of live buffers: a line for each, of six words whatever a process calls itself, while buffers come and go.

. ./lib.sh

list=/sys/kernel/debug/swift_dma_heaps/buffers
load
node=$(nodes | cut -d ' ' -f 1)

# Names of processes that would be two words, two lines, an escape, a color, nothing.
mkdir /tmp/programs
holders=
for name in 'two words' "$(printf 'two\nlines')" 'a\134b' "$(printf '\033[31m')" '-'; do
  cp /bin/heap-checks "/tmp/programs/$name"
  (exec "/tmp/programs/$name" hold buffer --seconds 600 --heap "$node" >>/tmp/held) &
  holders="$holders $!"
done
# More lines than are read at once.
for _ in $(seq 95); do
  heap-checks hold buffer --seconds 600 --heap "$node" >>/tmp/held &
  holders="$holders $!"
done
for _ in $(seq 600); do
  [ "$(grep -c holding /tmp/held)" = 100 ] && break
  sleep 0.1
done
heap-checks hold visits --seconds 600 --heap "$node" &
visitor=$!

# Fails unless each of the processes $1 has one line of what was read.
each_has_one_line() {
  wrong=$(awk -v pids="$1" '{ lines[$4]++ }
    END { split(pids, list, " "); for (i in list) if (lines[list[i]] != 1) print list[i] ": " lines[list[i]] + 0 }' \
    /tmp/list)
  [ -z "$wrong" ] || bad "processes and their lines: $wrong"
}

# Reads the list in pieces of $1 bytes.
read_list() {
  dd if=$list bs="$1" 2>/dev/null >/tmp/list
  wrong=$(awk 'NF != 6' /tmp/list)
  [ -z "$wrong" ] || bad "lines that are not six words: $wrong"
  each_has_one_line "$holders"
}
read_list 7
read_list 65536
for name in 'two\040words' 'two\012lines' 'a\134134b' '\033[31m' '\055'; do
  cut -d ' ' -f 5 /tmp/list | grep -qxF "$name" || bad "no process $name"
done

# Who reads sees everybody who stays, also when others that are between them go.
index=0
going=
staying=
for holder in $holders; do
  index=$((index + 1))
  if [ $((index % 2)) = 0 ]; then going="$going $holder"; else staying="$staying $holder"; fi
done
{
  # The first lines are read before, the rest after.
  dd bs=200 count=1 2>/dev/null
  # shellcheck disable=SC2086 # numbers
  kill -9 $going
  for holder in $going; do wait "$holder" 2>/dev/null; done
  cat
} <$list >/tmp/list
each_has_one_line "$staying"
# shellcheck disable=SC2086 # numbers
kill -9 $staying $visitor
wait
[ "$(wc -l <$list)" = 1 ] || bad "nobody has a buffer, but: $(cat $list)"
unload
exit $status
