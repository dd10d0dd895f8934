# SPDX-License-Identifier: MIT
#
# Gives Swift's intermediate code, as it is before it is optimised, the shape that the kernel and its objtool
# expect; the compiler has no flags for any of it.

# Functions return through the kernel's thunk.
/^attributes #[0-9]+ = \{/ { sub(/\{/, "{ fn_ret_thunk_extern") }

# Each function has a symbol; without one it looks like the end of the function before.
/^define private / { sub(/private/, "internal") }

# Each object has its own copy of what several could share, so that a function with one caller becomes part of it;
# in the last object that goes for all functions but those that C calls.
/^define linkonce_odr / { sub(/linkonce_odr (hidden|protected)/, "internal") }
last && /^define protected swiftcc / { sub(/protected/, "internal") }

# Errors are handed over in memory, not in r12, which every function of C's preserves.
{ gsub(/ swifterror /, " ") }

# By the top bit of an object's address Swift's runtime knows objects that are never counted and never freed.
# In the kernel every address has that bit, so it must not be looked at. (The same number masks a bit of the
# count; that stays.)
/^define / { split("", addresses) }
/^  %[0-9]+ = ptrtoint ptr / { addresses[$1] = 1 }
/^  %[0-9]+ = and i64 .*, -9223372036854775808$/ {
  operand = $5
  sub(/,$/, "", operand)
  if (operand in addresses || operand == "ptrtoint") {
    sub(/-9223372036854775808$/, "0")
    ignored += 1
  }
}

{ print }

# Retain and release look at it, and they are everywhere.
END {
  if (ignored < 2) {
    print "error: the runtime's test for objects that are never freed has another shape" > "/dev/stderr"
    exit 1
  }
}
