# Each target installs what it needs on a fresh Debian with Swift.
SWIFT ?= swift
FLAGS = --explicit-target-dependency-import-check error
# Tests that only compute. They run by themselves: on two cores they would starve those that wait for sockets.
PURE = Ethereum|Domain|Fuzz|Signatures|Conditions|Templates|TriggerEngine
COMPUTING = ^($(PURE))Tests\.|^ChainListenerTests\.(WorldTests|HistoryPaceTests)/|^EthereumRPCTests\.LearnedLimitsTests/

.PHONY: help build run demo test simulate lint format bench fuzz setup

help:
	@echo "make demo     the whole system on a real EVM node; ONCE=1 runs it once and checks it"
	@echo "make test     every test"
	@echo "make simulate SEEDS=n FIRST_SEED=m   n simulated worlds from seed m on, about 250 blocks each"
	@echo "make build    the release binary, .build/release/tocsin"
	@echo "make run      tocsin serve on chains.json with the embedded database"
	@echo "make bench    figures with their floors; ONLY=group,… for some of them"
	@echo "make fuzz     fuzzes for SECONDS=n each TARGET (abi rlp rpc chains; all)"
	@echo "make lint     the checks of style"

setup:
	@Tools/setup

build: setup
	$(SWIFT) build -c release $(FLAGS) --product tocsin

run: build
	.build/release/tocsin serve

demo: build
	@Tools/setup python
	@ONCE=$(ONCE) Tools/demo

test: setup
	@Tools/setup python
	$(SWIFT) build --build-tests $(FLAGS)
ifdef FILTER
	$(SWIFT) test --skip-build --filter '$(FILTER)'
else
	$(SWIFT) test --skip-build --filter '$(COMPUTING)'
	$(SWIFT) test --skip-build --skip '$(COMPUTING)|^TocsinTests\.'
	$(SWIFT) test --skip-build --filter '^TocsinTests\.'
endif

SEEDS ?= 1000
FIRST_SEED ?= 1
# Optimised, and beside the other builds, which it would undo: about 2,800 blocks for each second of one core.
SIMULATION = -c release -Xswiftc -enable-testing --scratch-path .build/simulation
simulate: setup
	$(SWIFT) build --build-tests $(SIMULATION) $(FLAGS)
	SEEDS=$(SEEDS) FIRST_SEED=$(FIRST_SEED) $(SWIFT) test --skip-build $(SIMULATION) --filter '^ChainListenerTests\.WorldTests/anything'

lint:
	$(SWIFT) format lint --strict --parallel -r Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Benchmarks Benchmarks/Sources Fuzz

format:
	$(SWIFT) format -i --parallel -r Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Benchmarks Benchmarks/Sources Fuzz

bench: build
	@Tools/setup bench
	@ONLY=$(ONLY) Benchmarks/run

fuzz: setup
	@Tools/fuzz $(or $(SECONDS),60) $(TARGET)
