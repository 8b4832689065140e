# SPDX-License-Identifier: GPL-2.0-only
#
# Makefile: the whole project's. `make help` lists the targets. All output goes below build/.

all: module user

KVER ?=
KDIR ?= $(if $(KVER),,$(wildcard /lib/modules/$(shell uname -r)/build))
# A running kernel without headers of its own: build for Debian's current one.
kernel := $(or $(KVER),$(KDIR),6.1)

module:
	@selftests/setup.sh build $(if $(filter /%,$(kernel)),,vm)
	selftests/vm/module.sh $(kernel)

clean:
	rm -rf build

.PHONY: all module clean
