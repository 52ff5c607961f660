# Ringbinder. `make` alone prints what can be made. Build modes live in separate trees: build/release, build/asan, build/tsan.

SHELL := /bin/bash
MODE ?= release
CC := gcc
BUILD := build/$(MODE)

WARN := -std=c17 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wformat=2 -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE -ftrivial-auto-var-init=zero
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=3 $(HARDEN)
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code
CFLAGS_asan := -O0 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS_asan := -fsanitize=address,undefined
CFLAGS_tsan := -O0 -g1 -fno-omit-frame-pointer -fsanitize=thread
LDFLAGS_tsan := -fsanitize=thread
CFLAGS := $(WARN) -I. -pthread $(CFLAGS_$(MODE))
LDFLAGS := -pthread $(LDFLAGS_$(MODE))
LIBS := -Wl,--as-needed -lmicrohttpd -lgnutls -lcurl -lhiredis -lcjson -lutf8proc -lsqlite3 -lcrypto -lsodium -lmagic -lfcgi -lseccomp -lm

LIB_SRC := $(wildcard lib/*/*.c)
PROGRAMS := ringbinder-node ringbinder-coordinator ringbinder-api ringbinder
SRC_ringbinder-node := $(wildcard node/*.c)
SRC_ringbinder-coordinator := $(wildcard coordinator/*.c)
SRC_ringbinder-api := $(wildcard fcgi/*.c fcgi/*/*.c)
SRC_ringbinder := $(wildcard cli/*.c)
ASM_ringbinder-api := $(wildcard fcgi/*.S)
# Each program's main is kept out when unit tests link the rest of it.
SRC_ALL := $(LIB_SRC) $(foreach p,$(PROGRAMS),$(SRC_$(p)))

# Tests are linked two hundred times in each mode: by the fast linker, where it is installed (deps-test does so).
FAST_LINKER := $(if $(shell command -v ld.lld),-fuse-ld=lld)
LINK_TEST = $(CC) $(LDFLAGS) $(FAST_LINKER)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter %.c,$(1))) $(patsubst %.S,$(BUILD)/obj/%.o,$(filter %.S,$(1)))

.DEFAULT_GOAL := help
.PHONY: help build unit unit-threaded unit-threads asan tsan tsan-short clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(addprefix $(BUILD)/bin/,$(PROGRAMS)) ## compile all programs into build/release/bin

define program
$(BUILD)/bin/$(1): $(call obj,$(SRC_$(1)) $(ASM_$(1))) $(BUILD)/lib.a
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(BUILD)/lib.a: $(call obj,$(LIB_SRC))
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

# What objects were compiled with: touched only when that changes, so that none of older flags stays in a program.
.PHONY: FORCE
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@cmp -s - $@ <<<'$(CC) $(CFLAGS)' || echo '$(CC) $(CFLAGS)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The assembler's .incbin leaves no dependency behind.
$(BUILD)/obj/lib/store/script.o: $(wildcard lib/store/lua/*.lua)
$(BUILD)/obj/fcgi/openapi.o: fcgi/openapi.json

# Tests themselves need no optimizer: they are half of what is compiled.
$(BUILD)/obj/tests/unit/%.o: CFLAGS := $(filter-out -O2 -D_FORTIFY_SOURCE=%,$(CFLAGS))

$(BUILD)/obj/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

# ---- unit tests: tests/unit/<folder of the source>/test_<what>.c, one program each, linked with the lib and, for a program's own tests, with
# that program's files except its main.
UNIT_SRC := $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c)
UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
NODE_PARTS := $(filter-out node/main.c,$(SRC_ringbinder-node))
COORDINATOR_PARTS := $(filter-out coordinator/main.c,$(SRC_ringbinder-coordinator))
API_PARTS := $(filter-out fcgi/main.c,$(SRC_ringbinder-api))
CLI_PARTS := $(filter-out cli/main.c,$(SRC_ringbinder))

$(BUILD)/tests/unit/node/test_%: $(BUILD)/obj/tests/unit/node/test_%.o $(call obj,$(NODE_PARTS)) $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(LINK_TEST) -o $@ $^ -lcmocka $(LIBS)
$(BUILD)/tests/unit/coordinator/test_%: $(BUILD)/obj/tests/unit/coordinator/test_%.o $(call obj,$(COORDINATOR_PARTS)) $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(LINK_TEST) -o $@ $^ -lcmocka $(LIBS)
# The api's files as an archive: a test that defines a whole use case itself is linked with its own instead (fakes by the linker).
$(BUILD)/fcgi.a: $(call obj,$(API_PARTS) $(ASM_ringbinder-api))
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/tests/unit/fcgi/%: $(BUILD)/obj/tests/unit/fcgi/%.o $(BUILD)/fcgi.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(LINK_TEST) -o $@ $^ -lcmocka $(LIBS)
# So are the command line's.
$(BUILD)/cli.a: $(call obj,$(CLI_PARTS))
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/tests/unit/cli/%: $(BUILD)/obj/tests/unit/cli/%.o $(BUILD)/cli.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(LINK_TEST) -o $@ $^ -lcmocka $(LIBS)
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(LINK_TEST) -o $@ $^ -lcmocka $(LIBS)

# Left out: what never meets a second thread in its tests: the command line, what only computes, and handlers, each of which serves one request.
UNIT_THREADED := $(filter-out $(addprefix $(BUILD)/tests/unit/,cli/% fcgi/handler/% $(addsuffix /%,$(addprefix lib/,auth name ring tls wire))),$(UNIT_BIN))

# Of those, for the short form: tests that name threads, or whose headers or subject (tests/unit/lib/http/test_crowd.c: lib/http/crowd.c) do.
NAMES_THREADS := pthread|_Atomic|stdatomic
ifneq ($(filter unit-threads,$(MAKECMDGOALS)),)
UNIT_THREADS := $(filter $(UNIT_THREADED),$(patsubst %.c,$(BUILD)/%,$(shell for test in $(UNIT_SRC); do \
    subject=$${test#tests/unit/}; subject=$${subject/test_/}; \
    grep -qsE '$(NAMES_THREADS)' $$test $$subject $$(grep -oE 'tests/unit/[a-z/_]+\.h' $$test) && echo $$test; done)))
endif

unit-build: $(UNIT_BIN)
unit: unit-build ## unit tests, release build
	@tests/support/run-unit $(UNIT_BIN)
unit-threaded: $(UNIT_THREADED)
	@tests/support/run-unit $(UNIT_THREADED)
unit-threads: $(UNIT_THREADS)
	@tests/support/run-unit $(UNIT_THREADS)
asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory MODE=asan unit
tsan: ## unit tests of threaded code under ThreadSanitizer
	@$(MAKE) --no-print-directory MODE=tsan unit-threaded
tsan-short: # the same, only tests of what starts threads or locks itself
	@$(MAKE) --no-print-directory MODE=tsan unit-threads

# ---- black-box tests and bench
BENCH_BIN := $(addprefix $(BUILD)/bench/,load disklog peers_index)
.PHONY: bench-build bench bench-peers bench-peers-short test test-long picture
bench-build: $(BENCH_BIN)
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/obj/tests/bench/figures.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
bench: build bench-build ## uploads and downloads beside the disk's limit and nginx static, as ratios; then bench-peers
	@tests/bench/run
	@$(MAKE) --no-print-directory bench-peers
bench-peers: bench-build ## searches among 1,000,000 names of 100 peers, and 10,000 files of one: within their limits by the clock on the wall
	@$(BUILD)/bench/peers_index 1000000 100 wall
bench-peers-short: bench-build
	@$(BUILD)/bench/peers_index 20000 100 cpu
test: deps-test ## all tests in their short form; ends with "N passed, N failed"
	@tests/support/run-all
test-long: deps-test ## the same tests with the full figures
	@tests/support/run-all --long

# ---- a cluster on this machine; RB_HOME, RB_PORT, RB_NODES … as `bin/cluster --help` says
.PHONY: up down status deps deps-test
up: deps ## install what is missing, build, start a whole cluster in the background, print its URL
	@$(MAKE) --no-print-directory -j"$$(nproc)" build
	@bin/cluster up
down: ## stop the cluster, keep all its data
	@bin/cluster down
status: ## a table of the cluster's processes
	@bin/cluster status
deps: ## install the packages that building and running needs
	@bin/install-packages run
deps-test: ## install the packages that the tests need besides
	@bin/install-packages test
picture: build ## take the README's screenshot anew
	@tests/support/readme-picture

clean: ## remove everything that was built
	rm -rf build

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- fuzzing: one target a file in tests/fuzz, built by clang with libFuzzer, both sanitizers and counters of what was covered into build/fuzz. A target is
# linked with the program that its name begins with, as archives: what it defines itself stands in for a whole file (fakes by the linker).
FUZZ_SECONDS ?= 60
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
FUZZ_FAKES := $(wildcard tests/fuzz/fakes/*.c)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,build/fuzz/bin/%,$(FUZZ_SRC))
ifeq ($(MODE),fuzz)
CC := clang-14
CFLAGS += -O0 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fprofile-instr-generate -fcoverage-mapping
LDFLAGS += -fuse-ld=lld -fsanitize=fuzzer,address,undefined -fprofile-instr-generate
endif
.PHONY: fuzz-build fuzz-bin fuzz fuzz-replay fuzz-cover
build/fuzz/node.a: $(call obj,$(NODE_PARTS))
build/fuzz/coordinator.a: $(call obj,$(COORDINATOR_PARTS))
build/fuzz/fakes.a: $(call obj,$(FUZZ_FAKES))
build/fuzz/node.a build/fuzz/coordinator.a build/fuzz/fakes.a:
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^
define fuzz_program
build/fuzz/bin/$(1)_%: build/fuzz/obj/tests/fuzz/$(1)_%.o build/fuzz/fakes.a $(2) build/fuzz/lib.a
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ -Wl,--as-needed -lcmocka $$(LIBS)
endef
$(eval $(call fuzz_program,node,build/fuzz/node.a))
$(eval $(call fuzz_program,coordinator,build/fuzz/coordinator.a))
$(eval $(call fuzz_program,api,build/fuzz/fcgi.a))
$(eval $(call fuzz_program,cli,build/fuzz/cli.a))
build/fuzz/bin/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(LIBS)
fuzz-bin: $(FUZZ_BIN)
fuzz-build:
	@$(MAKE) --no-print-directory MODE=fuzz fuzz-bin
fuzz: fuzz-build ## search for inputs that break a parser's promise, FUZZ_SECONDS (60) a target
	@tests/fuzz/run fuzz $(FUZZ_SECONDS) $(FUZZ_BIN)
fuzz-replay: fuzz-build ## run the fuzz targets over their corpus once
	@tests/fuzz/run replay $(FUZZ_BIN)
fuzz-cover: fuzz-replay ## the same, and the corpus must reach nine tenths of each parser: tests/fuzz/cover.txt
	@tests/fuzz/cover

# ---- who may include whom
.PHONY: layers
layers: ## check every include line against tests/support/layers.txt
	@tests/support/layers

# ---- lint and format. A file is looked at again when it, any header or the settings changed. The compiler's warnings are asked of clang here too. The
# analyzer, which is half of the work, gives up on a function after 75,000 nodes: three times as many make the whole twice as slow and have found nothing more.
# The short form goes without it.
LINT_SRC := $(SRC_ALL) $(FUZZ_SRC) $(FUZZ_FAKES) $(wildcard tests/bench/*.c)
ALL_C := $(foreach d,lib fcgi node coordinator cli tests,$(shell find $(d) -name '*.[ch]'))
LINT_FLAGS := $(filter-out -Werror,$(WARN)) -I.
.PHONY: lint lint-short fmt fmt-check
define lint_file
@mkdir -p $(@D)
@clang-tidy-14 --quiet $(1) 2>$@.errors || { cat $@.errors; exit 1; }
@rm -f $@.errors
@touch $@
endef
build/lint/%.ok: %.c .clang-tidy $(filter %.h,$(ALL_C))
	$(call lint_file,$< -- $(LINT_FLAGS) -Xclang -analyzer-config -Xclang max-nodes=75000)
build/lint-short/%.ok: %.c .clang-tidy $(filter %.h,$(ALL_C))
	$(call lint_file,--checks=-clang-analyzer-* $< -- $(LINT_FLAGS))
lint: ## clang's warnings and clang-tidy over all sources, by .clang-tidy
lint lint-short:
	@echo "$@: $(words $^) files clean"
fmt: ## format all C by .clang-format
	@clang-format-14 -i $(ALL_C)
fmt-check: ## list the files that fmt would change
	@clang-format-14 --dry-run --Werror $(ALL_C)

# ---- simulation of the ring's pure code
SIM_RING_SRC := tests/sim/plot.c $(wildcard tests/sim/ring*.c)
.PHONY: sim sim-short
$(BUILD)/sim/ring: $(call obj,$(SIM_RING_SRC) $(wildcard lib/base/*.c lib/ring/*.c))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcrypto -lm
sim: $(BUILD)/sim/ring ## hops, load and movement in rings of 3 to 100,000 nodes; writes docs/ring.md, docs/ring.svg
	@$< --docs docs
sim-short: $(BUILD)/sim/ring
	@$< --short

# ---- simulation of a whole cluster: the coordinators' cores, decide.c and lib/wire's rules against crashes, partitions, clocks and lost disks
SIM_CLUSTER_SRC := $(wildcard tests/sim/cluster*.c)
SIM_CLUSTER_PARTS := $(patsubst %,coordinator/%.c,change lease membership plan takeover wishes) fcgi/service/decide.c fcgi/service/tally.c
.PHONY: sim-cluster sim-cluster-short
$(BUILD)/sim/cluster: LDFLAGS += -Wl,--wrap=ring_new
$(BUILD)/sim/cluster: $(call obj,$(SIM_CLUSTER_SRC) $(SIM_CLUSTER_PARTS)) $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
sim-cluster: $(BUILD)/sim/cluster ## 2,000 seeds x 1,000 steps of a simulated cluster under faults, and every broken rule found out
	@$< --seeds 2000 --steps 1000 --mutation-seeds 2000
sim-cluster-short: $(BUILD)/sim/cluster
	@$< --seeds 150 --steps 1000 --mutation-seeds 150

# ---- the protocol's models, searched by Spin
.PHONY: models models-short
models: ## search the protocol's models exhaustively with Spin; known-bad variants must fail
	@tests/models/run
models-short: ## the same, only the rows that take seconds
	@tests/models/run --short

# ---- a unit test that makes each allocation of our own files fail in turn
$(BUILD)/tests/unit/lib/wire/test_no_memory: LDFLAGS += $(foreach f,malloc calloc realloc reallocarray strdup,-Wl,--wrap=$(f))

# ---- what is linted: known only here, where all lists are
LINTED := $(LINT_SRC) $(SIM_RING_SRC) $(SIM_CLUSTER_SRC)
lint: $(LINTED:%.c=build/lint/%.ok)
# The short form leaves the tests to `make lint`.
lint-short: $(patsubst %.c,build/lint-short/%.ok,$(filter-out tests/%,$(LINTED)))
