# SPDX-License-Identifier: GPL-2.0-only
#
# Makefile: the whole project's; `make help` lists the targets, user/build.mk builds user space.
# All output goes below build/. What a target needs of Debian is installed by selftests/setup.sh,
# at once if nothing is missing; SETUP=: leaves the machine's packages alone.

B := build
SETUP ?= selftests/setup.sh
KVER ?=
KDIR ?= $(if $(KVER),,$(wildcard /lib/modules/$(shell uname -r)/build))
# A running kernel without headers of its own: build for Debian's current one.
kernel := $(or $(KVER),$(KDIR),6.1)

all: module user

include user/build.mk
include user/tests/fuzz.mk

help:
	@sed -n 's/^##  \(.*\)/\1/p' $(MAKEFILE_LIST)

##  make                    module, daemon, library, tool, examples
##  make module             the module for the running kernel; KVER=6.1|6.12|7.x or KDIR=folder
module: | setup-build
	@$(if $(filter /%,$(kernel)),,$(SETUP) vm)
	selftests/vm/module.sh $(kernel)

##  make user               daemon, library, tool, examples
user: $(user_outputs)

##  make demo               the main job, shown in a virtual machine; KERNEL=6.1|6.12|7.x
demo: user selftests | setup-vm setup-peers
	selftests/vm/module.sh $(or $(KERNEL),6.1)
	selftests/run_vm.sh -k $(or $(KERNEL),6.1) -t 400 -- selftests/demo.sh

##  make check              unit tests here, selftests on every kernel; KERNEL='6.1 7.x' TESTS='a b'
check: user tests selftests | setup-vm setup-peers setup-deb
	selftests/check.sh $(if $(KERNEL),-k "$(KERNEL)") $(TESTS)

##  make check-debug        selftests on a kernel with KASAN, lockdep, kmemleak; TESTS='a b'
check-debug: user selftests | setup-vm setup-peers
	selftests/check.sh -k debug $(TESTS)

##  make check-races        selftests on four processors: KASAN, lockdep; KCSAN; KERNEL=smp|kcsan TESTS='a b'
check-races: user selftests | setup-vm setup-peers
	selftests/check.sh -k "$(or $(KERNEL),smp kcsan)" $(or $(TESTS),$(race_tests))
race_tests := gate record direct zerocopy data sockopt connect post_handshake key_change seam peer close \
	held others bypass interrupt lossy damage standing upstream

##  make check-scale        10000 connections in a machine of 1 GiB: what they cost, floods; KERNEL=
check-scale: user selftests | setup-vm setup-peers
	selftests/vm/module.sh $(or $(KERNEL),6.12)
	selftests/run_vm.sh -k $(or $(KERNEL),6.12) -m 1024 -t 3600 -- \
		'CONNECTIONS=10000 HANDSHAKES=1000 LIMIT=5000 HELLOS=1000 ASK_S=2400 selftests/scale.sh'

##  make check-gnutls       a GnuTLS with kernel TLS, built here, on our module; KERNEL=6.12|debug
check-gnutls: user selftests $(gnutls_programs) | setup-vm setup-peers
	selftests/check.sh -k "$(or $(KERNEL),6.12)" ktls_gnutls

##  make check-pkcs11       keys in a token of softhsm2, through pkcs11-provider, on Debian 13
check-pkcs11: | setup-vm
	selftests/pkcs11.sh

##  make check-upstream     the kernel's own TLS selftest on our module; KERNEL=6.1|6.12|7.x|debug
check-upstream: selftests | setup-vm
	selftests/check.sh -k "$(or $(KERNEL),6.1 6.12 7.x)" upstream

##  make bench              what a record costs, beside upstream's tls and plain TCP; KERNEL='uml 6.1'
bench: | setup-build setup-vm
	selftests/bench/bench.sh $(KERNEL)

##  make tests selftests    build the unit tests, the selftests
tests: $(test_programs)
selftests: $(selftest_programs) $(token_provider)

##  make vm                 a shell in a virtual machine, or CMD='...'; KERNEL=6.1|6.12|7.x
vm: | setup-vm
	selftests/run_vm.sh -k $(or $(KERNEL),6.1) -t 86400 $(if $(CMD),,-i) -- '$(or $(CMD),exec bash)'

##  make lint format        every style check there is; CHECK='layout shell'. Mend the layout
lint: | setup-build setup-vm setup-peers setup-lint
	selftests/lint/lint.sh $(CHECK)
format: | setup-lint
	clang-format -i $(shell git ls-files 'user/*.[ch]' 'selftests/*.[ch]' ':!selftests/vm' ':!selftests/bench')

##  make install            DESTDIR=, prefix=/usr/local; the module too, if it is built
##  make uninstall
install: user
	selftests/install.sh install
uninstall:
	selftests/install.sh uninstall
export DESTDIR prefix

##  make deb                Debian packages, in build/deb; VERSION_DEB=
deb: | setup-build setup-deb
	user/packaging/deb.sh $(VERSION_DEB)

##  make check-deb          the packages on a clean Debian: install, upgrade, purge
check-deb: | setup-build setup-vm setup-deb
	selftests/deb.sh

##  make check-readme       what README.md says to do, done on a clean Debian that boots
check-readme: | setup-build setup-vm setup-deb
	selftests/readme.sh browser

##  make clean
clean:
	rm -rf $(B)

setup-%:
	@$(SETUP) $*

.PHONY: all help module user demo check check-debug check-gnutls check-pkcs11 check-races check-scale check-upstream bench tests selftests vm lint format install uninstall deb check-deb check-readme clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
