# `make` lists the targets.
FUZZTIME ?= 10s

.PHONY: help build test race lint fuzz bench demo screenshots ci

help:
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile

build: ## build the commands into bin/
	go build -o bin/ ./cmd/...

test: ## run the tests
	go test ./...

race: ## run the tests under the race detector
	go test -race ./...

lint: ## gofmt, go vet, staticcheck
	.ci/run format vet staticcheck

fuzz: ## run every fuzz target for FUZZTIME, 10s by default
	.ci/fuzz $(FUZZTIME)

bench: ## compare with other libraries in one run, as ratios
	cd bench && go run . $(BENCHFLAGS)

demo: ## see it work
	go run ./cmd/sig demo

screenshots: ## make the pictures in docs/images again (needs chromium and fonts-inter)
	cd dashboard/browsertest && go run ./walkthrough

ci: ## everything the gate runs
	.ci/run
