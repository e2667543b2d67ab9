# make          the environment, the notebooks that are out of date, report/report.pdf
# make test     ruff, the unit tests, the notebooks against their stored outputs and results
# make check    the tests of a moment: ruff, most unit tests, the report, the form of the notebooks
# make 02       one notebook, here 02; make figures/NAME.svg: the notebook that draws it
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

# An arithmetic that every x86-64 processor with AVX2 can have, so that `make` and `make test` give
# the same digits: one kernel of BLAS, one thread, no AVX-512 in NumPy. What the user sets, stays. The
# kernel would not run on a processor without AVX2, and others do not know it: they keep their own.
SAME := $(STAMPS) test check lab
ifneq ($(shell grep -sw avx2 /proc/cpuinfo),)
$(SAME): export OPENBLAS_CORETYPE ?= Haswell
$(SAME): export OPENBLAS_NUM_THREADS ?= 1
$(SAME): export NPY_DISABLE_CPU_FEATURES ?= X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR
else ifeq ($(MAKELEVEL),0)
$(info This is no x86-64 Linux with AVX2: its results agree within tolerances, not digit by digit.)
endif

# Nor do they hang on what a user has set for Python, Jupyter or Matplotlib: of the user's variables
# only these are kept.
KEPT := PATH LD_LIBRARY_PATH TMPDIR OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS NPY_DISABLE_CPU_FEATURES \
	FASHION_MNIST http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
AWAY := env -i HOME="$(CURDIR)/.build/home" LANG=C.UTF-8 $(foreach name,$(KEPT),$${$(name)+"$(name)=$$$(name)"})

# One notebook at a time: its trainings take both cores, and two are no faster.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: all test check play lab compare record fashion clean

all: report/report.pdf

# Where there is flock, a second make waits for the environment that a first one makes.
.venv/.done: requirements.txt
	mkdir -p .build
	$(if $(shell command -v flock),flock .build/lock) sh -ec 'test $@ -nt $< || { \
		$(PYTHON) -m venv --clear .venv; \
		$(BIN)/pip install --quiet --requirement requirements.txt; touch $@; }'

# A notebook runs in a copy of the tree, one for each run. Only when the whole of it has run do its
# outputs replace the older ones, each by a rename; not where the notebook was saved meanwhile. The
# stamp bears the time of the beginning, so that other files saved meanwhile are newer. What a long
# run saves below .build stays. Fonts are looked up before, as Matplotlib tells where that takes
# long, and the notebook would keep it.
define run_notebook
	mkdir -p .build/home && copy=$$(mktemp -d .build/$(1).XXXXXX) && trap "rm -rf $$copy" EXIT INT TERM && \
	mkdir -p $$copy/notebooks $$copy/figures $$copy/report/results && \
	ln -s "$(CURDIR)/data" "$(CURDIR)/.build" $$copy && \
	cp notebooks/$(1).ipynb notebooks/common.py notebooks/report.mplstyle $$copy/notebooks && \
	cp notebooks/$(1).ipynb $$copy/before && \
	cp report/results/06_library_comparison.json $$copy/report/results && \
	$(AWAY) $(BIN)/python -c "import matplotlib.font_manager" && \
	(cd $$copy/notebooks && $(AWAY) "$(CURDIR)/$(BIN)/jupyter" nbconvert --to notebook --execute \
		--inplace --log-level WARN --KernelManager.transport=ipc --ExecutePreprocessor.record_timing=False \
		--CoalesceStreamsPreprocessor.enabled=True --ClearMetadataPreprocessor.enabled=True \
		--ClearMetadataPreprocessor.clear_cell_metadata=False \
		--ClearMetadataPreprocessor.preserve_nb_metadata_mask="{'kernelspec', ('language_info', 'name')}" \
		--NotebookExporter.preprocessors="['nbconvert.preprocessors.CoalesceStreamsPreprocessor', \
			'nbconvert.preprocessors.ClearMetadataPreprocessor']" $(1).ipynb) && \
	{ cmp -s notebooks/$(1).ipynb $$copy/before || cmp -s notebooks/$(1).ipynb $$copy/notebooks/$(1).ipynb || \
		{ echo "notebooks/$(1).ipynb was changed while it ran, and stays so: run it again" >&2; exit 1; }; } && \
	mv -f $$copy/figures/* figures && \
	mv -f $$copy/report/results/$(1).json report/results && \
	mv -f $$copy/notebooks/$(1).ipynb notebooks && \
	touch -r $$copy/before notebooks/$(1).ipynb .build/$(1).done
endef

$(STAMPS): .build/%.done: notebooks/%.ipynb nnlib.py notebooks/common.py notebooks/report.mplstyle requirements.txt | .venv/.done
	$(call run_notebook,$*)

# `make 02`, and each figure by its name. A notebook of which a figure or the results were removed has
# to run again.
define names
.PHONY: $(firstword $(subst _, ,$(1)))
$(firstword $(subst _, ,$(1))): .build/$(1).done
$(2): .build/$(1).done
$(if $(filter-out $(wildcard $(2)),$(2)),.PHONY: .build/$(1).done)
endef
made_by = $(sort $(shell grep -o 'figures/[a-z0-9_]*\.svg\\"' notebooks/$(1).ipynb | tr -d '\\"')) report/results/$(1).json
$(foreach notebook,$(NOTEBOOKS),$(eval $(call names,$(notebook),$(call made_by,$(notebook)))))

.build/02_runge_regression.done: report/results/06_library_comparison.json
.build/05_mnist_classification.done: data/mnist_784.npz $(wildcard data/mnist_study.npz)

report/report.pdf: report/report.typ report/references.bib $(STAMPS) $(LONG:%=report/results/%.json) | .venv/.done
	$(BIN)/python -c "import typst; typst.compile('report/report.typ', output='.build/$$$$.pdf', root='.', ignore_system_fonts=True, pdf_standards=['ua-1'])" && \
		mv -f .build/$$$$.pdf $@

# The notebooks write figures and results, so that the tests run in a copy of the tree.
test: .venv/.done
	$(BIN)/ruff check .
	mkdir -p .build/home && copy=$$(mktemp -d .build/test.XXXXXX) && trap "rm -rf $$copy" EXIT INT TERM && \
	tar -c --exclude=./.git --exclude=./.venv --exclude=./.build . | tar -x -C $$copy && \
	mkdir $$copy/committed && cp -r report/results figures $$copy/committed && (cd $$copy && \
	$(AWAY) ../../$(BIN)/pytest -n 2 --dist loadfile tests && \
	$(AWAY) ../../$(BIN)/pytest -n 2 --dist loadfile --nbval --nbval-current-env $(NOTEBOOKS:%=notebooks/%.ipynb) && \
	$(AWAY) ../../$(BIN)/pytest tests/results_agree.py)

# What takes long is left to `make test`: browsers, exercises, dask, every combination's gradient.
check: .venv/.done
	$(BIN)/ruff check .
	$(BIN)/pytest -q -n 2 -k "not central_differences and not of_autograd and not scikit_learn_check" \
		$(patsubst %,--ignore=tests/test_%.py,playground playground_digits lesson exercises scaling_out) tests

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
