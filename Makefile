# Every target is a script in scripts/; this file only names them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help up down logs shell status build test check-image test-own-image feature check bench bench-backup bench-pull bench-page soak conformance test-kubernetes faults fuzz clean engine sizes lock push sbom check-updates reproduce

# VARIANT=go is IMAGE=go; the full one is dev8-mvp.
IMAGE := $(or $(IMAGE),$(patsubst full,mvp,$(VARIANT)))
export IMAGE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Start a workspace (REPO=owner/name, IMAGE=base, WORKSPACE=dir)
	@scripts/up.sh

down: ## Stop and remove the container; its volumes stay
	@scripts/workspace.sh down

logs: ## Follow the log of the container
	@scripts/workspace.sh logs

shell: ## Open a shell in the container
	@scripts/workspace.sh shell

status: ## Show what runs in the container
	@scripts/workspace.sh status

build: engine ## Build dev8-base and dev8-mvp (VARIANT=go: that one)
	@scripts/build.sh $(or $(IMAGE),all)

test: ## Run all tests (ONLY=unit,e2e; ARGS=pytest's; VARIANT=go)
	@scripts/test.sh $(ARGS)

check-image: engine ## Say what any image lacks for the agent (IMAGE=name)
	@scripts/check-image.sh $(IMAGE)

test-own-image: ## Test three ways to put the agent into other images
	@scripts/venv.sh && scripts/programs.sh && ONLY=e2e scripts/test.sh --own-image -k test_own_image $(ARGS)

feature: ## Build the devcontainer Feature into .cache/feature
	@scripts/feature.sh

check: ## Check format, lint, types, shell, Dockerfiles, workflows, docs
	@scripts/check.sh

bench: engine ## Measure start, stop, memory and CPU against their bars
	@scripts/bench.sh workspace $(ARGS)

bench-backup: engine ## Measure backups against tar.gz and restic alone
	@scripts/bench.sh backup $(ARGS)

bench-pull: engine ## Measure what a machine pulls: compressed size, time
	@scripts/bench.sh pull $(ARGS)

bench-page: ## Write docs/benchmarks.md from what both have measured
	@scripts/bench.sh page $(ARGS)

soak: ## Run the long tests for an hour (MINUTES=60)
	@scripts/test.sh --soak-minutes=$(or $(MINUTES),60) -m soak $(ARGS)

conformance: engine ## Try ours and other inits case by case (CASES=names)
	@scripts/conformance.sh $(CASES)

test-kubernetes: ## Run the workspace on a real Kubernetes, built here
	@scripts/kubernetes.sh && ONLY=kubernetes scripts/test.sh -n0 $(ARGS)

faults: ## Break things many times (N=0.1: a tenth of the full counts)
	@ONLY=faults scripts/test.sh --times=$(or $(N),1) $(ARGS)

fuzz: ## Feed a million odd cases to every reader (N=20000: fewer)
	@scripts/fuzz.sh $(or $(N),1000000)

clean: ## Remove the container and its volumes (ALL=1: all that was made)
	@scripts/workspace.sh clean

engine: ## Find or start a container engine (ACTION=start|stop|status)
	@scripts/engine.sh $(or $(ACTION),start)

sizes: ## Show what each layer holds and wastes (VARIANT=go)
	@scripts/workspace.sh sizes

lock: ## Write the locks of Python packages anew (FILE=one of them)
	@scripts/lock.sh $(FILE)

push: ## Publish the images of a tagged release to DOCKER_REGISTRY
	@scripts/push.sh $(ACTION)

sbom: ## Write what the images are made of to reports/ (VARIANT=go)
	@scripts/sbom.sh $(IMAGE)

check-updates: engine ## Find security updates that the images lack
	@scripts/check-updates.sh

reproduce: engine ## Build an image twice, compare bit for bit (IMAGE=base|mvp)
	@scripts/reproduce.sh $(IMAGE)
