# Every target is a script in scripts/; this file only names them. A line of `##@` begins a group of `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

# VARIANT=go is IMAGE=go; the full one is dev8-mvp.
IMAGE := $(or $(IMAGE),$(patsubst full,mvp,$(VARIANT)))
export IMAGE

##@ Your workspace

up: ## Start one (REPO=owner/name, IMAGE=base, WORKSPACE=dir)
	@scripts/up.sh

down: ## Stop and remove the container; its volumes stay
	@scripts/workspace.sh down

logs: ## Follow the log of the container
	@scripts/workspace.sh logs

shell: ## Open a shell in the container
	@scripts/workspace.sh shell

status: ## Show what runs in the container
	@scripts/workspace.sh status

clean: ## Remove it with its volumes (ALL=1: all that was made)
	@scripts/workspace.sh clean

##@ Images

build: engine ## Build dev8-base and dev8-mvp (VARIANT=go: that one)
	@scripts/build.sh $(or $(IMAGE),all)

feature: ## Build the devcontainer Feature into .cache/feature
	@scripts/feature.sh

sizes: ## Show what each layer holds and wastes (VARIANT=go)
	@scripts/workspace.sh sizes

check-image: engine ## Say what any image lacks for the agent (IMAGE=name)
	@scripts/check-image.sh $(IMAGE)

reproduce: engine ## Build one twice, compare bit for bit (IMAGE=mvp)
	@scripts/reproduce.sh $(IMAGE)

##@ Tests

test: ## Run all tests (ONLY=unit,e2e; ARGS=pytest's; VARIANT=go)
	@scripts/test.sh $(ARGS)

check: ## Check format, lint, types, shell, workflows, docs
	@scripts/check.sh

conformance: engine ## Try ours and other inits case by case (CASES=names)
	@scripts/conformance.sh $(CASES)

faults: ## Break things many times (N=0.1: a tenth of it)
	@ONLY=faults scripts/test.sh --times=$(or $(N),1) $(ARGS)

floods: ## Try strangers and floods of connections (N=0.25)
	@ONLY=floods scripts/test.sh -n0 -s --times=$(or $(N),1) $(ARGS)

fuzz: ## Feed a million odd cases to all readers (N=20000)
	@scripts/fuzz.sh $(or $(N),1000000)

soak: ## Run the long tests for an hour (MINUTES=60)
	@scripts/test.sh --soak-minutes=$(or $(MINUTES),60) -m soak $(ARGS)

test-kubernetes: ## Run the workspace on a real Kubernetes, built here
	@scripts/kubernetes.sh && ONLY=kubernetes scripts/test.sh -n0 $(ARGS)

test-own-image: ## Test three ways to put the agent into other images
	@scripts/programs.sh && ONLY=e2e scripts/test.sh --own-image -k "test_own_image or test_push_feature" $(ARGS)

##@ Measurements

bench: engine ## Measure against bars and other inits
	@scripts/bench.sh workspace $(ARGS)

bench-backup: engine ## Measure backups against tar.gz and restic alone
	@scripts/bench.sh backup $(ARGS)

bench-pull: engine ## Measure what a machine pulls: compressed size, time
	@scripts/bench.sh pull $(ARGS)

bench-page: ## Write docs/benchmarks.md from what was measured
	@scripts/bench.sh page $(ARGS)

##@ Releases

lock: ## Write the locks of Python packages anew (FILE=one)
	@scripts/lock.sh $(FILE)

push: ## Publish a tagged release to DOCKER_REGISTRY
	@scripts/push.sh $(ACTION)

sbom: ## Write what images are made of to reports/ (VARIANT=go)
	@scripts/sbom.sh $(IMAGE)

check-updates: engine ## Find security updates that the images lack
	@scripts/check-updates.sh

##@ This machine

help: ## Show this list
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

engine: ## Find or start an engine (ACTION=start|stop|status)
	@scripts/engine.sh $(or $(ACTION),start)
