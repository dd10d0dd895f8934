// SPDX-License-Identifier: MIT
// libfdt, of Debian's package libfdt-dev: flattened device trees, read and written.

#include <libfdt.h>
