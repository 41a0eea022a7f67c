export GOTOOLCHAIN = local
GO ?= go
export GO
FUZZTIME ?= 30s
RACE ?= ./internal/...
LINT = $(GO) tool -modfile=.ci/lint.mod golangci-lint

.DEFAULT_GOAL := help
.PHONY: run test check bench audit help build fuzz deps lint race

run: ## install what is missing, build, load demo content, serve at http://127.0.0.1:8080
	@.ci/deps run
	@$(MAKE) --no-print-directory build
	bin/site demo
	@exec bin/site serve

test: ## install what is missing, run every test, browser tests included
	@.ci/deps test
	$(GO) test -timeout 30m ./...

check: lint test fuzz ## formatting, vet, linters, tidy modules, every test, every fuzz target for FUZZTIME (30s)

bench: build ## how near each path comes to its limit, measured in the same run; BENCH="-only page" for one row
	@.ci/deps bench
	$(GO) run ./cmd/bench $(BENCH)

audit: ## every page in a browser: accessibility, HTML, CSS, links, keyboard, zoom, outlines, pictures of the components, headers, Lighthouse, weight; ends with a table
	@.ci/deps test
	@.ci/deps audit
	npm ci --prefix .ci/audit --ignore-scripts --no-audit --no-fund
	cd cmd/site && $(GO) test -tags audit -count 1 -timeout 60m -run '^TestAudit$$'

build: ## bin/site
	$(GO) build -buildvcs=false -o bin/site ./cmd/site

fuzz: ## every fuzz target for FUZZTIME (30s)
	@.ci/deps test
	@.ci/fuzz $(FUZZTIME)

race: ## the tests of RACE (./internal/...) under the race detector
	@.ci/deps race
	@.ci/deps test
	$(GO) test -race $(RACE)

lint: ## formatting, vet, linters, tidy modules; changes nothing
	$(LINT) fmt --diff
	$(GO) vet -tags audit ./...
	$(LINT) run
	$(GO) mod tidy -diff

deps: ## install what run and test need, from the distribution's packages
	@.ci/deps run
	@.ci/deps test

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 10
