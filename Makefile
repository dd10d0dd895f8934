# SPDX-License-Identifier: MIT

.DEFAULT_GOAL := all
SHELL := /bin/bash

# Both packages are built into one folder, so that the library is built once; a plan that was kept there could
# be the other package's.
swift_flags := --explicit-target-dependency-import-check error --disable-build-manifest-caching
# The package of the command. The library's is the one here, in the default folder.
command := --package-path Command --scratch-path .build
# All tests are Swift Testing's; XCTest's runner would only add leaks of its own.
test_flags := $(swift_flags) --disable-xctest
thread_flags := --sanitize=thread --scratch-path .build-thread -Xswiftc -DTHREAD_SANITIZER $(test_flags)
address_flags := --sanitize=address --scratch-path .build-address $(test_flags)
# Libraries that the machine has not, such as a guest, are not asked for.
static_flags := -c release --scratch-path .build-static $(swift_flags) --static-swift-stdlib \
  -Xswiftc -static-executable -Xcc -DMEASUREMENT_WITHOUT_ALLOCATION_COUNT -Xlinker -s -Xlinker --gc-sections
user := --package-path Tests/DMAHeapsUser --scratch-path .build
# Which kernel of the rig 'kernel' and 'vm-shell' are about.
KERNEL ?= built
benchmarks := --package-path Benchmarks
# Which tests `check` runs: those whose TARGET.Suite/name() matches. The core's, if nothing is said.
FILTER ?= ^(PagePoolsTests|HeapFrameworkTests)[.]
# Whose tests those are: the library's (.), or the command's (Command).
PACKAGE ?= .
# The first line of whatever builds: looks for what the goal needs, and installs it where it may.
prepare := @Scripts/prepare

# What `make test` runs, in this order.
stages := lint prepare-test bindings embedded test-debug user-build test-release test-thread vm-test-short \
  vm-test-arm64-short

# What the gate runs beyond that: .ci/run.
gate_stages := test-address test-command benchmarks-build vm-test-rest vm-test-arm64-rest vm-test-6.12 vm-check-short

# The checks in guests of Debian 12's kernel that are a part of `make test`; the gate makes the rest.
short_checks := selftest checks importer worker process
# The same for arm64.
short_checks_arm64 := selftest declared

.PHONY: all help run check static heap-checks process-checks core-object kernel vm-shell vm-test vm-test-stock vm-check \
  vm-check-short vm-load vm-self-check mutants vm-bench test gate stress traits \
  $(sort $(stages) $(gate_stages)) benchmarks completions clean

all: ## Build the library and the command for release.
	$(prepare) run
	swift build -c release $(command) $(swift_flags)

help: ## List the targets.
	@sed -nE 's/^([a-z0-9. -]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 20

run: all ## Run the benchmark of the default heap, for some two minutes.
	.build/release/dmaheap bench

check: lint ## Build for debugging and run the core's tests, or those that match FILTER: the fast loop.
	@mkdir -p .build; set -o pipefail; swift test --package-path $(PACKAGE) --scratch-path .build \
	  $(test_flags) --filter '$(FILTER)' 2>&1 | tee .build/check.log
	@! grep 'No matching test cases' .build/check.log

# In a static executable the C library's allocation calls cannot be stood in for, so none are counted.
static: ## Build the command without need of libraries: .build-static/release/dmaheap.
	$(prepare) run
	swift build --package-path Command --product dmaheap $(static_flags)

heap-checks: ## Build the checks of a kernel's heaps the same way.
	$(prepare) run
	swift build --product heap-checks $(static_flags)

process-checks: ## Build the checks of the library on another kernel the same way.
	$(prepare) run
	swift build --product process-checks $(static_flags)

core-object: ## Build the Swift object of the kernel module.
	$(prepare) module
	$(MAKE) --no-print-directory -C Kernel core

kernel: ## Build the kernel module for KERNEL, one of the rig's (default: built).
	$(prepare) $(KERNEL)
	$(MAKE) --no-print-directory core-object $(if $(findstring -arm64,$(KERNEL)),ARCH=arm64)
	VM/build-module $(KERNEL)

vm-shell: ## Open a shell in a guest that has the module, the command and the checks.
	$(prepare) $(KERNEL)
	$(MAKE) --no-print-directory kernel static heap-checks
	VM/shell --kernel $(KERNEL) --module .build-vm/$(KERNEL)/Kernel/swift_dma_heaps.ko \
	  --program .build-static/release/dmaheap --program .build-static/release/heap-checks

vm-test: ## Check the module in guests of the kernel that is built here.
	$(prepare) built
	VM/test built

vm-test-stock: ## Check the module in guests of Debian's stock kernels.
	$(prepare) stock
	VM/test stock-6.1
	VM/test stock-6.12
	VM/test stock-7.2
	VM/test stock-6.1-arm64
	VM/test stock-6.12-arm64
	VM/test stock-6.12-arm64-16k
	VM/test stock-7.2-arm64

vm-test-6.1 vm-test-6.12 vm-test-7.2 vm-test-6.1-arm64 vm-test-6.12-arm64 vm-test-6.12-arm64-16k vm-test-7.2-arm64: vm-test-%: ## The same, on one of them.
	$(prepare) stock-$*
	VM/test stock-$*

vm-test-short: ## The most telling of that, on Debian 12's kernel.
	$(prepare) stock-6.1
	VM/test stock-6.1 $(short_checks)

vm-test-rest: ## What that leaves out.
	$(prepare) stock-6.1
	VM/test $(short_checks:%=--except %) stock-6.1

vm-test-arm64-short: ## The most telling on Debian 12's kernel for arm64.
	$(prepare) stock-6.1-arm64
	VM/test stock-6.1-arm64 $(short_checks_arm64)

vm-test-arm64-rest: ## What that leaves out.
	$(prepare) stock-6.1-arm64
	VM/test $(short_checks_arm64:%=--except %) stock-6.1-arm64

vm-check: ## Check the module in a kernel that checks itself.
	$(prepare) checked
	VM/test checked

vm-check-short: ## The most telling of that: what clients do, and every allocation failing once.
	$(prepare) checked
	VM/test checked selftest limits faults

vm-load: ## Put random load on the module in a kernel that checks itself, for ten minutes.
	$(prepare) checked
	VM/test --time-limit 1200 checked load

vm-self-check: ## Show that the rig fails what it should.
	$(prepare) checked
	VM/self-check

mutants: ## Break the code in each way that is known, and show that a test catches it; half an hour.
	$(prepare) test
	Tests/mutants/run

vm-bench: ## Compare the module's heap with the kernel's own, in one boot.
	$(prepare) built
	VM/bench

test: ## Run every stage below, stopping at the first that fails.
	$(prepare) test
	$(call run_stages,$(stages))

gate: ## Run what must hold beyond that before a change is taken.
	$(prepare) ci
	$(call run_stages,$(gate_stages))

# Runs the targets $(1) and says how long each took.
define run_stages
@for stage in $(1); do \
	  began=$$SECONDS; \
	  echo "==> $$stage"; \
	  if ! $(MAKE) --no-print-directory $$stage; then \
	    echo "==> $$stage FAILED after $$((SECONDS - began)) s" >&2; \
	    exit 1; \
	  fi; \
	  echo "==> $$stage passed in $$((SECONDS - began)) s"; \
	done; \
	echo "==> all stages passed in $$SECONDS s"
endef

lint: ## Check the format of all Swift code.
	$(prepare) run
	swift format lint --strict --recursive Package.swift Sources Tests Kernel/Swift \
	  Command/Package.swift Command/Sources Command/Tests Benchmarks/Package.swift Benchmarks/Benchmarks

prepare-test: ## Check that what is needed is looked for and installed as it should be.
	Tests/prepare

bindings: ## Check the schemas of device tree nodes.
	$(prepare) bindings
	Tests/bindings

embedded: ## Build the core as Embedded Swift and run it.
	$(prepare) embedded
	Scripts/embedded.sh

test-debug: ## Run the tests with all checks of a debug build.
	$(prepare) run
	swift test $(test_flags)
	swift test $(command) $(test_flags)

user-build: ## Build and run a program that has the library alone, and look at what it makes users resolve.
	$(prepare) run
	swift run $(user) $(swift_flags)
	@resolved=$$(swift package $(user) show-dependencies --format flatlist | tail -n +2 | xargs); \
	[[ $$resolved == "swift-collections" ]] || { \
	  echo "error: a user of the library resolves $$resolved" >&2; exit 1; }

test-release: ## Run the library's tests as optimised code, as it is shipped.
	$(prepare) run
	swift test -c release $(test_flags)

test-thread: ## Run the library's tests under the thread sanitizer.
	$(prepare) run
	swift test $(thread_flags)

test-address: ## Run the library's tests under the address sanitizer.
	$(prepare) run
	swift test $(address_flags)

test-command: ## Run the command's tests as optimised code, and under both sanitizers.
	$(prepare) run
	swift test -c release $(command) $(test_flags)
	swift test --package-path Command $(thread_flags)
	LSAN_OPTIONS=suppressions=$(CURDIR)/Command/Tests/leak-suppressions \
	  swift test --package-path Command $(address_flags)

stress: ## Use the library from four threads in every way there is, for three minutes.
	$(prepare) run
	DMAHEAP_STRESS_SECONDS=90 swift test -c release $(test_flags) --filter '^DMAHeapsTests[.]StressTests'

traits: ## Build and test what the package trait SwiftSystem adds.
	$(prepare) run
	swift test --traits SwiftSystem --scratch-path .build-traits $(test_flags) --filter '^DMAHeapsCanary[.]'

benchmarks-build: ## Build the micro-benchmarks and run each for a moment.
	$(prepare) run
	BENCHMARK_SMOKE=1 swift package $(benchmarks) benchmark --no-progress

benchmarks: ## Run the micro-benchmarks.
	$(prepare) run
	swift package $(benchmarks) benchmark --no-progress

completions: ## Write the shells' completions to .build/completions.
	$(prepare) run
	swift build --product dmaheap $(command) $(swift_flags)
	mkdir -p .build/completions
	for shell in bash zsh fish; do \
	  .build/debug/dmaheap --generate-completion-script $$shell \
	    > .build/completions/dmaheap.$$shell || exit 1; \
	done

# For tests of this file.
.PHONY: stages gate-stages
stages:
	@echo $(stages)
gate-stages:
	@echo $(gate_stages)

.PHONY: deb
deb: ## Build the Debian package of the kernel module, with its Swift part compiled.
	$(prepare) deb
	Kernel/packaging/build-deb

clean: ## Remove all that was built.
	rm -rf .build .build-*/ Benchmarks/.build Command/.build
