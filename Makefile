# SPDX-License-Identifier: MIT

.DEFAULT_GOAL := all
SHELL := /bin/bash

swift_flags := --explicit-target-dependency-import-check error
# All tests are Swift Testing's; XCTest's runner would only add leaks of its own.
test_flags := $(swift_flags) --disable-xctest
# Libraries that the machine has not, such as a guest, are not asked for.
static_flags := -c release --scratch-path .build-static $(swift_flags) --static-swift-stdlib \
  -Xswiftc -static-executable -Xcc -DMEASUREMENT_WITHOUT_ALLOCATION_COUNT -Xlinker -s -Xlinker --gc-sections
# Which kernel of the rig 'kernel' and 'vm-shell' are about.
KERNEL ?= built
benchmarks := --package-path Benchmarks

# What `make test` runs, in this order.
stages := lint embedded test-debug test-release test-thread test-address benchmarks-build \
  vm-test-6.1

.PHONY: all help run static heap-checks core-object kernel vm-shell vm-test vm-test-stock vm-check \
  vm-load vm-self-check mutants vm-bench test $(stages) benchmarks completions clean

all: ## Build everything for release.
	swift build -c release $(swift_flags)

help: ## List the targets.
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 20

run: all ## Run the benchmark of the default heap, under two minutes.
	swift run -c release --skip-build dmaheap bench

# In a static executable the C library's allocation calls cannot be stood in for, so none are counted.
static: ## Build the command without need of libraries: .build-static/release/dmaheap.
	swift build --product dmaheap $(static_flags)

heap-checks: ## Build the checks of a kernel's heaps the same way.
	swift build --product heap-checks $(static_flags)

core-object: ## Build the Swift object of the kernel module.
	$(MAKE) --no-print-directory -C Kernel core

kernel: core-object ## Build the kernel module for KERNEL, one of the rig's (default: built).
	VM/build-module $(KERNEL)

vm-shell: core-object ## Open a shell in a guest that has the module, the command and the checks.
	$(MAKE) --no-print-directory kernel static heap-checks
	VM/shell --kernel $(KERNEL) --module .build-vm/$(KERNEL)/Kernel/swift_dma_heaps.ko \
	  --program .build-static/release/dmaheap --program .build-static/release/heap-checks

vm-test: ## Check the module in guests of the kernel that is built here.
	VM/test built

vm-test-stock: ## Check the module in guests of Debian's stock kernels.
	VM/test stock-6.1
	VM/test stock-6.12
	VM/test stock-7.2

vm-test-6.1 vm-test-6.12 vm-test-7.2: vm-test-%: ## The same, on one of them.
	VM/test stock-$*

vm-check: ## Check the module in a kernel that checks itself.
	VM/test checked

vm-load: ## Put random load on the module in a kernel that checks itself, for ten minutes.
	VM/test --time-limit 1200 checked load

vm-self-check: ## Show that the rig fails what it should.
	VM/self-check

mutants: ## Break the code in each way that is known, and show that a test catches it; half an hour.
	Tests/mutants/run

vm-bench: ## Compare the module's heap with the kernel's own, in one boot.
	VM/bench

test: ## Run every stage below, stopping at the first that fails.
	@for stage in $(stages); do \
	  began=$$SECONDS; \
	  echo "==> $$stage"; \
	  if ! $(MAKE) --no-print-directory $$stage; then \
	    echo "==> $$stage FAILED after $$((SECONDS - began)) s" >&2; \
	    exit 1; \
	  fi; \
	  echo "==> $$stage passed in $$((SECONDS - began)) s"; \
	done; \
	echo "==> all stages passed in $$SECONDS s"

lint: ## Check the format of all Swift code.
	swift format lint --strict --recursive Package.swift Sources Tests Kernel/Swift \
	  Benchmarks/Package.swift Benchmarks/Benchmarks

embedded: ## Build the core as Embedded Swift and run it.
	Scripts/embedded.sh

test-debug: ## Run the tests with all checks of a debug build.
	swift test $(test_flags)

test-release: ## Run the tests as optimised code, as it is shipped.
	swift test -c release $(test_flags)

test-thread: ## Run the tests under the thread sanitizer.
	swift test --sanitize=thread --scratch-path .build-thread -Xswiftc -DTHREAD_SANITIZER $(test_flags)

test-address: ## Run the tests under the address sanitizer.
	swift test --sanitize=address --scratch-path .build-address $(test_flags)

benchmarks-build: ## Build the micro-benchmarks and run each for a moment.
	BENCHMARK_SMOKE=1 swift package $(benchmarks) benchmark --no-progress

benchmarks: ## Run the micro-benchmarks.
	swift package $(benchmarks) benchmark --no-progress

completions: ## Write the shells' completions to .build/completions.
	swift build --product dmaheap $(swift_flags)
	mkdir -p .build/completions
	for shell in bash zsh fish; do \
	  .build/debug/dmaheap --generate-completion-script $$shell \
	    > .build/completions/dmaheap.$$shell || exit 1; \
	done

.PHONY: deb
deb: ## Build the Debian package of the kernel module, with its Swift part compiled.
	Kernel/packaging/build-deb

clean: ## Remove all that was built.
	rm -rf .build .build-*/ Benchmarks/.build
