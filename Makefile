# What people type; `make help` lists it. The work is done by SwiftPM and by the scripts in scripts/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

SWIFT_SOURCES := $(wildcard Sources Tests Examples Benchmarks) Package.swift

# Most tests start programs and servers of their own: all at once they would starve each other on a small machine.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 8

.PHONY: help deps build release run test test-swift test-examples drill lint format compose-check compose-demo \
	deploy-check deps-fuzz fuzz-api sanitize-thread sanitize-address clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps:
	@scripts/install-dependencies.sh

build: deps ## Build everything (debug)
	swift build

# As in the images, but for the symbols. A program with Swift's runtime linked in takes a tenth less of a processor for a request.
static := $(if $(filter Linux,$(shell uname -s)),--static-swift-stdlib)

# (yardstick, which the images do not have, is for benchmarks.)
release: deps ## Build the programs optimised, as the images have them, in .build/release
	for product in coordinator worker baton yardstick; do swift build -c release $(static) --product $$product; done

run: build ## See it work: training jobs on three workers, one interrupted, one killed, every result verified
	@scripts/relay-demo.sh

test: deps test-examples test-swift ## Run all tests

test-swift: deps
	swift build --build-tests
	@scripts/test-swift.sh

test-examples: deps
	python3 Examples/train/test_resume.py

drill: build ## Put a fleet through seven faults, and check that nothing is lost (two minutes)
	"$$(swift build --show-bin-path)/baton" drill --short

lint: ## Check the Swift sources, and scripts, systemd units and the rest with whatever checkers are installed
	@scripts/lint.sh $(SWIFT_SOURCES)

format: ## Format the Swift sources in place
	swift format --in-place --recursive --parallel $(SWIFT_SOURCES)

compose-check: ## Validate docker-compose.yml and lint the Dockerfile; needs no container engine
	@scripts/compose-check.sh

compose-demo: ## Against a running `docker compose up`: stop one worker container, kill another, see the jobs finish
	@scripts/compose-demo.sh

deploy-check: ## Check deploy/ without a cloud: CloudFormation, Terraform, systemd units, Kubernetes, scripts
	@scripts/deploy-check.sh

deps-fuzz:
	@scripts/install-dependencies.sh --fuzz

fuzz-api: deps-fuzz build ## Fuzz the HTTP API with schemathesis (EXAMPLES=400 for a long run)
	@scripts/fuzz-api.sh

sanitize-thread sanitize-address: deps ## Run the unit and store tests under a sanitizer (the first build takes long)
	@scripts/sanitize.sh $(@:sanitize-%=%)

clean: ## Remove what was built
	rm -rf .build .build-compose-check .build-deploy-check .build-tsan .build-asan
