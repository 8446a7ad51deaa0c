# make demo: the main task, with software tokens. make test: the tests. Both first install what is missing.

.DEFAULT_GOAL := help
.PHONY: help setup demo guide test soak check features fuzz mutants matrix crates dist roots windows usb bench layout page fmt

# A Rust that `make setup` has just installed is not on the PATH yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

help: ## print this text
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile | expand -t 16

setup: ## install what building and testing need (Debian, Ubuntu, Fedora; elsewhere: print what to install)
	@packaging/setup.sh

demo: setup ## revert a sample cluster to two software eTokens, then leave a shell to try it
	@cargo build --quiet --locked
	@PATH="$(CURDIR)/target/debug:$$PATH" packaging/demo.sh

guide: ## build the guide as a site in target/guide
	@mdbook --version >/dev/null 2>&1 || cargo install mdbook --locked --quiet --no-default-features --features search
	mdbook build docs/guide
	cp -r docs/schema target/guide

# With cargo-nextest each test has its own process; every test also works without it.
test: ## run every test, the long ones with small counts
	@packaging/setup.sh tests
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --workspace --locked && cargo test --workspace --locked --doc --quiet; \
	else \
		cargo test --workspace --locked; \
	fi

# SUITES="-E 'test(/^faults::/)'" runs a part.
soak: ## run the long tests with full counts, then fuzz, then make usb; takes hours (SECONDS_EACH=N for each fuzz target)
	@packaging/setup.sh tests
	@cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked --quiet
	@SOAK=1 cargo nextest run --profile soak --workspace --locked --no-fail-fast $(SUITES)
	@SECONDS_EACH=$${SECONDS_EACH:-600} packaging/fuzz.sh
	@if [ "$$(id -u)" = 0 ] && ls target/dist/*.deb >/dev/null 2>&1; then \
		packaging/usb.sh; \
	else \
		echo "soak: no USB tokens were plugged in: that needs root and make dist" >&2; \
	fi

check: ## check format, lints, documentation, dependencies
	cargo fmt --all --check
	cargo clippy --workspace --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --locked --no-deps --quiet
	@if cargo deny --version >/dev/null 2>&1; then \
		cargo deny check bans licenses sources; \
	else \
		echo "check: cargo-deny is not installed (cargo install cargo-deny --locked); dependencies were not checked" >&2; \
	fi
	@packaging/fuzz.sh --short

page: ## pictures and PDFs of the page that make demo writes and of the sheet of a ceremony, and what axe-core finds, in headless Chromium
	@packaging/page.sh

features: ## lints without features and with each one alone; the declared Rust versions
	cargo clippy -p sastctl --locked --all-targets --no-default-features -- -D warnings
	@for feature in $$(sed -n '/^\[features\]/,/^$$/s/^\([a-z]*\) = .*/\1/p' Cargo.toml | grep -v default); do \
		echo "feature $$feature"; \
		cargo clippy -p sastctl --locked --all-targets --no-default-features --features $$feature -- -D warnings || exit; \
	done
	.ci/rust-version

fuzz: setup ## run every fuzz target for a minute each (SECONDS_EACH=N for longer)
	@packaging/fuzz.sh

mutants: ## check that a test fails for each small change to the code (takes a night; FILE=src/phone/services.rs for a part)
	@packaging/setup.sh tests
	@cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --locked --quiet
	cargo mutants --output target $(foreach file,$(or $(FILE),trustlist/src/** src/phone/** src/token/** src/workflow/**),--file '$(file)')

matrix: ## run one suite against every available PKCS#11 module, and print a table
	@packaging/matrix.sh

crates: ## pack the crates and build them from their packages, as a registry would get them
	@packaging/crates.sh

dist: ## make the packages: tarball, .deb, .rpm, image, .zip, lists of components, checksums (SIGN_KEY=FILE signs these)
	@packaging/dist.sh

roots: ## install, use, upgrade and remove the packages in fresh roots, and print a table (needs root)
	@packaging/roots.sh

windows: ## build sastctl.exe, and run its stories under wine (needs root)
	@packaging/windows.sh

usb: ## plug USB tokens that are software into a virtual machine with the package (needs root)
	@packaging/usb.sh

bench: setup ## measure, and compare with pkcs11-tool on the same token
	@packaging/bench.sh

layout: ## show the folders of the code, their lines, and which uses which
	@cargo test --quiet --locked --test stories -- layout::imports --nocapture

fmt: ## format the code
	cargo fmt --all
