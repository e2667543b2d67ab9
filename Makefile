# make          the environment, the notebooks that are out of date, report/report.pdf
# make test     ruff, the unit tests, the notebooks against their stored outputs and results
# make play     the playground, in JupyterLab
# make lab      JupyterLab in the environment
# make compare  notebook 06, beside PyTorch and JAX, which it adds to the environment
# make record   notebook 08, about an hour on two cores; interrupted, it goes on where it stopped
# make fashion  notebook 09, less than twenty minutes; data/README.md says where its data may come from
# make clean    removes the environment and everything that is not committed below .build

PYTHON ?= python3
BIN := .venv/bin
NOTEBOOKS := 01_theory 02_runge_regression 03_activations_and_depth 04_regularization 05_mnist_classification
STAMPS := $(NOTEBOOKS:%=.build/%.done)
LONG := 06_library_comparison 08_mnist_record 09_fashion_mnist

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: all test play lab compare record fashion clean

all: report/report.pdf

.venv/.done: requirements.txt
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	touch $@

# A notebook runs in a copy of the tree. Only when the whole of it has run do its outputs replace
# the older ones, each by a rename. What a long run saves below .build stays.
define run_notebook
	rm -rf .build/$(1)
	mkdir -p .build/$(1)/notebooks .build/$(1)/figures .build/$(1)/report/results
	ln -s "$(CURDIR)/data" "$(CURDIR)/.build" .build/$(1)
	cp notebooks/$(1).ipynb notebooks/common.py notebooks/report.mplstyle .build/$(1)/notebooks
	cp -p report/results/06_library_comparison.json .build/$(1)/report/results
	cd .build/$(1)/notebooks && "$(CURDIR)/$(BIN)/jupyter" nbconvert --to notebook --execute --inplace \
		--log-level WARN --KernelManager.transport=ipc --ExecutePreprocessor.record_timing=False $(1).ipynb
	mv -f .build/$(1)/figures/* figures
	mv -f .build/$(1)/report/results/$(1).json report/results
	mv -f .build/$(1)/notebooks/$(1).ipynb notebooks
	rm -r .build/$(1)
endef

$(STAMPS): .build/%.done: notebooks/%.ipynb nnlib.py notebooks/common.py notebooks/report.mplstyle | .venv/.done
	$(call run_notebook,$*)
	touch $@

.build/02_runge_regression.done: report/results/06_library_comparison.json
.build/05_mnist_classification.done: data/mnist_784.npz $(wildcard data/mnist_study.npz)

report/report.pdf: report/report.typ report/references.bib $(STAMPS) $(LONG:%=report/results/%.json) | .venv/.done
	$(BIN)/python -c "import typst; typst.compile('report/report.typ', output='.build/report.pdf', root='.', pdf_standards=['ua-1'])"
	mv -f .build/report.pdf $@

# The notebooks write figures and results, so that the tests run in a copy of the tree.
# One BLAS thread for each of the two workers.
test: export OPENBLAS_NUM_THREADS ?= 1
test: .venv/.done
	$(BIN)/ruff check .
	rm -rf .build/test
	mkdir -p .build/test
	tar -c --exclude=./.git --exclude=./.venv --exclude=./.build . | tar -x -C .build/test
	cp -r report/results .build/test/committed
	cd .build/test && ../../$(BIN)/pytest -n 2 --dist loadfile tests
	cd .build/test && ../../$(BIN)/pytest -n 2 --dist loadfile --nbval --nbval-current-env $(NOTEBOOKS:%=notebooks/%.ipynb)
	cd .build/test && ../../$(BIN)/pytest tests/results_agree.py

.venv/.compare: .venv/.done
	$(BIN)/pip install --quiet torch==2.13.0 jax==0.10.2
	touch $@

compare: .venv/.compare
	$(call run_notebook,06_library_comparison)

record: .venv/.done
	$(call run_notebook,08_mnist_record)

fashion: .venv/.done
	$(call run_notebook,09_fashion_mnist)

play: .venv/.done
	$(BIN)/jupyter lab notebooks/07_playground.ipynb

lab: .venv/.done
	$(BIN)/jupyter lab

clean:
	rm -rf .venv .build
