# `make demo` and `make test` set everything up by themselves in .venv; nothing else is needed than Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell grep '^torch==' constraints.txt)

# Two threads of a small network fight over two cores with everything else in the tests; MLflow's telemetry is on by default.
export MLFLOW_DISABLE_TELEMETRY := true
export MONAI_FAIL_ON_DUPLICATE_CONFIG := 1

CONFIGS := bundles/refuge_mtl/configs
DEMO := runs/demo
RECIPE := --overlay $(CONFIGS)/overlays/robust.yaml,$(CONFIGS)/overlays/demo.yaml
PRETRAINED := bundles/refuge_mtl/models/model.pt
SEED ?= 0
# Epoch, rule and value of the weights that were kept, as recipe.json has them.
KEPT := import json; print("  kept        epoch {epoch}, selection by {rule}: val_score {val_score!s:.6}".format(**json.load(open("$(DEMO)/refuge_mtl/models/recipe.json"))["kept"]))

.PHONY: demo test lint clean
demo: $(VENV)/ready
	rm -rf $(DEMO)
	@echo "A real photograph, measured by the weights that come with the package:"
	$(BIN)/fundus-mtl infer data_prep/samples $(DEMO)/real
	@echo "Phantoms (drawn photographs), to train and test on:"
	$(BIN)/python -m data_prep.phantom $(DEMO)/raw --train 240 --validation 48 --test 60 --seed $(SEED)
	$(BIN)/python -m data_prep.refuge $(DEMO)/raw $(DEMO)/data
	$(BIN)/python -m monai.bundle run --args_file $(CONFIGS)/args.yaml $(RECIPE) --seed $(SEED) --network_def::pretrained $(PRETRAINED)
	$(BIN)/python -m monai.bundle run --args_file $(CONFIGS)/args_evaluate.yaml $(RECIPE)
	$(BIN)/python -m data_prep.phantom $(DEMO)/photographs --folder 8 --seed 100
	cp data_prep/samples/retina.jpg $(DEMO)/photographs/
	$(BIN)/python -m monai.bundle run --args_file $(CONFIGS)/args_inference.yaml $(RECIPE) --dataset_dir $(DEMO)/photographs
	@echo
	@echo "The model was trained on phantoms: its numbers show that the software runs, and nothing about eyes."
	@echo "  a real eye  $(DEMO)/real/report.html, by the weights that come with the package"
	@$(BIN)/python -c '$(KEPT)'
	@echo "  evaluation  $(DEMO)/refuge_mtl/evaluation/summary.md and the pictures beside it"
	@echo "  table       $(DEMO)/refuge_mtl/results/results.csv"
	@echo "  overlays    $(DEMO)/refuge_mtl/results/overlays/"
	@echo "  report      $(DEMO)/refuge_mtl/results/report.html"
	@echo "  MLflow      $(BIN)/mlflow ui --backend-store-uri sqlite:///$(DEMO)/mlflow.db --workers 1   (then http://127.0.0.1:5000/#/experiments/1/runs)"

test: $(VENV)/ready-to-test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -q

lint: $(VENV)/ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# torch first and alone, so that TORCH_OPTIONS (pip's, such as an index of CPU builds) concern nothing else.
$(VENV)/ready: setup.cfg constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("expected Python 3.11 or newer, but got %d.%d; call make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH) $(TORCH_OPTIONS)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/ready-to-test: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,lint]'
	touch $@

clean:  # trainings under runs/ stay, but for the demo's
	rm -rf $(VENV) $(DEMO)
