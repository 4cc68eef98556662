# SPDX-License-Identifier: MIT
# Verbs. What each does stands in the script that it calls.

.PHONY: run build test test-long fuzz bench format install uninstall deb clean

run: ## packages, engine, images, build; then the service on http://127.0.0.1:8080
	@exec misc/run

build: ## compile into ./build
	@exec misc/build

test: ## everything that CI runs
	@exec tests/run

test-long: ## the same with large numbers, for docs/promises.md; TIME=3600 a parser, SHARE=0.05 of it, SUITES="crash fuzz"
	@exec tests/long $(if $(TIME),--time $(TIME)) $(if $(SHARE),--share $(SHARE)) $(SUITES)

fuzz: ## every parser for TIME seconds (10)
	@exec tests/fuzz/run $(TIME)

bench: ## what things cost on this machine, as a table and as JSON; PARTS="..." for some of it
	@exec tests/bench/run $(PARTS)

format: ## put the C files into the project's form
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: ## below PREFIX (/usr/local) and DESTDIR; the configuration in /etc
	@PREFIX='$(PREFIX)' prefix='$(prefix)' DESTDIR='$(DESTDIR)' misc/install install

uninstall: ## what `make install` put there; configuration and state stay
	@DESTDIR='$(DESTDIR)' misc/install uninstall

deb: ## Debian packages in ./build/deb
	@exec misc/deb

clean: ## remove ./build; ./run, with the jobs in it, stays
	@misc/clean
