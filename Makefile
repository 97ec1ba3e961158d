# make demo    run the demonstration
# make test    run every test and every check
# make compatibility  run the probes of real packages and write docs/reference/compatibility.md
# make bench   measure, beside the kernel's loopback, and ns-3 where its programs can be built
# make laws    hold TCP against its laws in full, and draw the plots of docs/explanation/tcp-laws.md
# make clean   remove everything that the above made, except what apt installed

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test compatibility bench laws clean test-tools bench-tools

VENV := .venv
PYTHON ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
PEER_SOURCES ?= ../shared/peers
PEERS := $(patsubst $(PEER_SOURCES)/%.cc,bench/peers/%,$(wildcard $(PEER_SOURCES)/*.cc))
NS3_MODULES := ns3-core ns3-network ns3-internet ns3-point-to-point ns3-applications

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

# $(call apt,PACKAGES): install Debian packages when root; otherwise say what is missing and go on.
# No service is started for them (policy-rc.d): the tests run what they need.
define apt
if ! command -v apt-get >/dev/null; then \
    echo "==> Missing, and there is no apt-get here to install it: $(1)"; \
elif [ "$$(id -u)" -ne 0 ]; then \
    echo "==> Missing: $(1). To install: sudo apt-get install $(1)"; \
else \
    echo "==> Installing Debian packages: $(1)"; \
    export DEBIAN_FRONTEND=noninteractive; log=$$(mktemp); \
    policy=/usr/sbin/policy-rc.d; \
    if test -e $$policy; then policy=; else printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; fi; \
    trap 'rm -f "$$log" $$policy' EXIT; \
    { apt-get -qq update || true; apt-get -qq install --yes --no-install-recommends $(1); } </dev/null >"$$log" 2>&1 \
        || { echo "==> apt-get could not install them; it said:"; tail -n 15 "$$log"; }; \
    rm -f "$$log" $$policy; \
fi
endef

help:
	@sed -n 's/^# make/make/p' Makefile

demo: $(VENV)/.demo
	@$(VENV)/bin/glassnet demo

test: $(VENV)/.test test-tools
	@echo "==> Running the tests"
	@$(VENV)/bin/python -m pytest -n 2 $(PYTEST_ARGS)

compatibility: $(VENV)/.test
	@$(VENV)/bin/python tests/programs/probes

bench: $(VENV)/.test bench-tools
	@echo "==> One TCP transfer between two hosts"
	@$(VENV)/bin/python bench/p2p.py $(BENCH_ARGS)
	@echo "==> Many clients behind one router"
	@$(VENV)/bin/python bench/star.py $(BENCH_ARGS)
	@echo "==> Ordinary programs, beside the kernel's loopback"
	@$(VENV)/bin/python bench/programs.py
	@echo "==> One TCP transfer to and from the kernel, over a TAP device"
	@$(VENV)/bin/python bench/tap.py

laws: $(VENV)/.test
	@$(VENV)/bin/python -m pip install --quiet --editable '.[plots]'
	@$(VENV)/bin/python bench/laws --plots

clean:
	rm -rf $(VENV) bench/peers build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first python that is 3.11 or newer; on Debian, venv is a package of its own.
$(VENV)/bin/python:
	@found=; \
	for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        found=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "==> glassnet needs Python 3.11 or newer: install it, or name one with make PYTHON=/path/to/python"; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then $(call apt,python3-venv); fi; \
	echo "==> Creating $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	@echo "==> Installing glassnet and the demonstration's programs into $(VENV)"
	@$(VENV)/bin/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	@echo "==> Installing glassnet and the test tools into $(VENV) (about a minute the first time)"
	@$(VENV)/bin/python -m pip install --quiet --editable '.[test,probes]'
	@touch $@ $(VENV)/.demo

test-tools:
	@if ! command -v tshark >/dev/null; then $(call apt,tshark); fi
	@if ! test -e /etc/services; then $(call apt,netbase); fi
	@missing=; \
	for each in ip:iproute2 ping:iputils-ping curl:curl nginx:nginx iperf3:iperf3; do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v "$${each%%:*}" >/dev/null || missing="$$missing $${each#*:}"; \
	done; \
	if [ -n "$$missing" ]; then $(call apt,$$missing); fi
	@if [ "$$(id -u)" -eq 0 ] && ! test -e /dev/net/tun; then \
	    echo "==> Making /dev/net/tun"; mkdir -p /dev/net; mknod /dev/net/tun c 10 200 || true; \
	fi

bench-tools:
	@if ! command -v iperf3 >/dev/null; then $(call apt,iperf3); fi
ifeq ($(PEERS),)
	@echo "==> No ns-3 programs in $(PEER_SOURCES): measuring glassnet alone"
else
	@if ! command -v g++ >/dev/null || ! pkg-config --exists $(NS3_MODULES) 2>/dev/null; then \
	    $(call apt,ns3 libns3-dev libgsl-dev g++ pkg-config); \
	fi
	@if command -v g++ >/dev/null && pkg-config --exists $(NS3_MODULES) 2>/dev/null; then \
	    $(MAKE) --silent $(PEERS); \
	fi
endif

bench/peers/%: $(PEER_SOURCES)/%.cc
	@echo "==> Building $@"
	@mkdir -p bench/peers
	@g++ -O2 -std=c++17 $< -o $@ $$(pkg-config --cflags --libs $(NS3_MODULES))
