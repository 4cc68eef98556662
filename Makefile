# SPDX-License-Identifier: MIT
# Verbs. What each does stands in the script that it calls.

.PHONY: run build test bench format clean

run: ## packages, engine, images, build; then the service on http://127.0.0.1:8080
	@exec misc/run

build: ## compile into ./build
	@exec misc/build

test: ## everything that CI runs
	@exec tests/run

bench: ## what things cost on this machine, as a table and as JSON; PARTS="..." for some of it
	@exec tests/bench/run $(PARTS)

format: ## put the C files into the project's form
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove ./build; ./run, with the jobs in it, stays
	@misc/clean
