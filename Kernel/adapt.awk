# SPDX-License-Identifier: MIT
#
# Gives Swift's intermediate code, as it is before it is optimised, the shape that the kernel and its objtool
# expect; the compiler has no flags for any of it. What should be there and is not, or is there in another shape,
# is an error: a new compiler must not pass unnoticed.
#
# -v last=1: this is the last object, in which all comes together.
# -v thunks=1: functions return through the kernel's thunk, as on x86-64.

function fail(what) {
  print "error: " FILENAME ":" FNR ": " what > "/dev/stderr"
  failures += 1
}

BEGIN {
  # The functions of Swift's runtime that look at an object's address, each once.
  count = split("swift_allocEmptyBox swift_isEscapingClosureAtFileLocation swift_isUniquelyReferenced_native" \
    " swift_release swift_release_n swift_retain swift_retainCount swift_retain_n", names, " ")
  for (index_ = 1; index_ <= count; index_ += 1) looks[names[index_]] = 0
  # These mask a number by the same bit: a flag of a count; bridged objects, which must not be linked.
  split("swift_release swift_release_n swift_deallocClassInstance swift_bridgeObjectRetain" \
    " swift_bridgeObjectRetain_n swift_bridgeObjectRelease swift_bridgeObjectRelease_n", names, " ")
  for (index_ in names) masks[names[index_]] = 1
}

/^attributes / && thunks {
  if (sub(/^attributes #[0-9]+ = \{/, "& fn_ret_thunk_extern")) seen["attributes"] += 1
  else fail("attributes in another shape")
}

/^define / {
  # Each function has a symbol; without one it looks like the end of the function before.
  sub(/^define private /, "define internal ")

  # Each object has its own copy of what several could share, so that a function with one caller becomes part of
  # it; in the last object that goes for all functions but those that C calls.
  if (sub(/^define linkonce_odr (hidden|protected) /, "define internal ")) seen["shared functions"] += 1
  if (last && sub(/^define protected swiftcc /, "define internal swiftcc ")) seen["functions"] += 1
  if ($2 == "private" || $2 ~ /^linkonce/ || $3 == "private") fail("a function that is shared in another way")

  # What follows is about this function.
  split("", addresses)
  match($0, /@[^(]*/)
  name = substr($0, RSTART + 1, RLENGTH - 1)
}

# Errors are handed over in memory, not in r12, which every function of C's preserves.
{
  seen["errors"] += gsub(/ swifterror /, " ")
  if (/[ (,]swifterror[ ,)]/) fail("an error that is handed over in another way")
}

# By the top bit of an object's address Swift's runtime knows objects that are never counted and never freed.
# In the kernel every address has that bit, so it must not be looked at. (The same number masks a bit of the
# count; that stays.)
/^  %[0-9]+ = ptrtoint ptr / { addresses[$1] = 1 }
/ and i64 .*-9223372036854775808/ {
  operand = $5
  sub(/,$/, "", operand)
  if (operand in addresses || operand == "ptrtoint") {
    if (!(name in looks)) fail("'" name "' looks at the top bit of an address")
    else looks[name] += 1
    if (!sub(/-9223372036854775808$/, "0")) fail("the top bit is looked at in another way")
  } else if (!(name in masks)) {
    fail("'" name "' looks at the top bit of something")
  }
}

{ print }

END {
  FNR = "end"
  for (name in looks)
    if (looks[name] != 1) fail("'" name "' looks " looks[name] " times at the top bit of an address, not once")
  expected = "shared functions,errors" (thunks ? ",attributes" : "") (last ? ",functions" : "")
  count = split(expected, names, ",")
  for (index_ = 1; index_ <= count; index_ += 1)
    if (!seen[names[index_]]) fail("no " names[index_] " to be adapted")
  if (failures) exit 1
}
