# What a developer or a first user types. Every target makes the virtual environment it needs; `make help` lists them.
PYTHON ?= python3
PORT ?= 8012
export PORT

PREFLIGHT = $(PYTHON) otestack/supervisor/preflight.py
IN_VENV = .venv/bin/python
# Both of these load the settings, which need secrets; these are invented, and nobody's.
FOR_LINT = OTE_DEBUG=true OTE_DATA_DIR=.cache/lint
# Real control planes for the edge tests; tests/kubernetes/tools says which patch of each minor.
KUBERNETES_MINORS ?= 1.36 1.37
OTE_KUBERNETES_CACHE ?= $(HOME)/.cache/otestack/kubernetes
export OTE_KUBERNETES_CACHE
PACKAGES = accounts apps business clusters deployments otestack registry

.DEFAULT_GOAL := help
.PHONY: help run test test-faults test-kubernetes kubernetes-tools bench lint schema words

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile
	@echo "Variables of make run: PORT (8012), OTE_DATA_DIR (./data), OTE_ADMIN_USER (admin), OTE_ADMIN_PASSWORD, OTE_EDGE (simulated or none), OTE_REGISTRY (simulated or none), REGISTRY_PORT (PORT + 1)"

run: ## Run everything on this machine: web, workers, beat, three simulated clusters and a simulated registry; Ctrl-C ends it
	@exec $(PREFLIGHT) run --end-with-parent

test: ## Run the whole suite, on SQLite and again on PostgreSQL and Redis where they can be started
	@$(PREFLIGHT) venv --dev
	@exec $(IN_VENV) -m tests.suite $(ARGS)

kubernetes-tools: ## Build real Kubernetes control planes for the edge tests with Go, into OTE_KUBERNETES_CACHE (some minutes each)
	@for minor in $(KUBERNETES_MINORS); do nice tests/kubernetes/tools/build $$minor "$(OTE_KUBERNETES_CACHE)/$$minor" || exit 1; done

test-kubernetes: ## Run the edge tests on real control planes: the one in KUBEBUILDER_ASSETS, else each minor that was built
	@$(PREFLIGHT) venv --dev
	@exec $(IN_VENV) -m tests.kubernetes $(ARGS)

test-faults: ## Run the fault suite in its long form, 500 clusters and 50 killed workers, and a hundred new runs of the protocol's machine, on PostgreSQL and Redis; FAULTS_SEED chooses the moments
	@$(PREFLIGHT) venv --dev
	@FAULTS=long PROTOCOL_RUNS=100 exec $(IN_VENV) -m tests.services -- $(IN_VENV) -m pytest tests/engine/test_protocol.py tests/faults $(ARGS)

bench: ## Measure against other tools and write tests/bench/results; ARGS="push --rounds 3" for one, ARGS=--smoke to try it
	@$(PREFLIGHT) venv --dev
	@exec $(IN_VENV) -m tests.bench $(ARGS)

schema: ## Write the API's OpenAPI document, which is served at /v1/schema
	@$(PREFLIGHT) venv --dev
	$(FOR_LINT) $(IN_VENV) manage.py spectacular --validate --fail-on-warn --format openapi-json --file otestack/api/schema/openapi.json

words: ## Collect what is marked for translation into locale/, and compile the catalogs (needs GNU gettext)
	@$(PREFLIGHT) venv --dev
	$(FOR_LINT) $(IN_VENV) manage.py makemessages --locale zh_Hans --no-location --no-wrap --no-obsolete --ignore '.*' --ignore 'tests/*' --ignore 'otestack/supervisor/*'
	$(FOR_LINT) $(IN_VENV) manage.py compilemessages --locale zh_Hans --ignore .venv

lint: ## Check style, import contracts, types and that no migration is missing
	@$(PREFLIGHT) venv --dev
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .
	.venv/bin/lint-imports
	$(FOR_LINT) $(IN_VENV) -m mypy $(PACKAGES)
	$(FOR_LINT) $(IN_VENV) manage.py makemigrations --check --dry-run
