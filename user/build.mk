# SPDX-License-Identifier: MIT
#
# build.mk: how user space is built. Sources are found by folder, so a new file needs no edit
# here. Objects lie in build/obj/<flavour>/<path of the source>: "release" is what gets installed,
# "san" has the sanitizers and serves the unit tests. The top Makefile includes this.

CC = gcc
WERROR :=
WARN := -Wall -Wextra -Wconversion -Wshadow -Wvla $(WERROR)
INCLUDE := -Ikmod/include/uapi
CFLAGS ?= -O2 -g
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fcf-protection
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BASE := -std=gnu11 -D_GNU_SOURCE $(INCLUDE) $(WARN) -pthread
LINK := -Wl,-z,relro,-z,now -Wl,--as-needed
VERSION := 0.1

# What each folder is linked with. Looked up when it is used: the packages may only just be there.
crypto_libs = $(shell pkg-config --libs libcrypto)
daemon_packages := libnl-3.0 libnl-genl-3.0 libconfuse libsystemd libcap libseccomp
daemon_libs = $(shell pkg-config --libs $(daemon_packages)) $(crypto_libs)
flags/user/daemon = -Iuser -Iuser/handshake $(shell pkg-config --cflags $(daemon_packages))
flags/user/cli = -Iuser/libtlsock $(flags/user/daemon)
flags/user/tests = -Iuser/daemon -Ikmod $(flags/user/cli)
flags/user/bench = -Iuser/handshake -Iuser/tests
flags/user/examples := -Iuser/libtlsock
flags/user/libtlsock := -fPIC -fvisibility=hidden
flags/user/preload := $(flags/user/libtlsock) -Iuser/libtlsock
flags/selftests = -isystem $(B)/kselftest
flags/selftests/lib = $(flags/selftests)
# The pure files of the module are compiled here for their unit tests alone.
flags/kmod := -Ikmod -include user/tests/kmod_host.h -Wno-conversion -Wno-unused-function

# What is done is said in a word; V=1 shows the commands.
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $@ && )

sources = $(sort $(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(B)/obj/$(1)/%.o,$(2))
dir_flags = $(flags/$(patsubst %/,%,$(dir $<)))

$(B)/obj/release/%.o: %.c | setup-build
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(BASE) $(CFLAGS) $(HARDEN) -fPIE $(dir_flags) -MMD -MP -c -o $@ $<

$(B)/obj/san/%.o: %.c | setup-build
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(BASE) -O1 -g $(SANITIZE) $(dir_flags) -MMD -MP -c -o $@ $<

# An archive of a folder, in one flavour: made anew, or a file that went away would stay in it.
define archive
$(1): $(call objects,$(2),$(3))
	@mkdir -p $$(@D)
	$$(call say,AR)rm -f $$@ && ar rcs $$@ $$^
endef

# ---- the engine, the daemon, the library, the tool, the examples

engine_src := $(call sources,user/handshake)
daemon_src := $(call sources,user/daemon)
library_src := $(call sources,user/libtlsock)
preload_src := $(call sources,user/preload)
cli_src := $(call sources,user/cli)
example_src := $(call sources,user/examples)

$(eval $(call archive,$(B)/libhandshake.a,release,$(engine_src)))
$(eval $(call archive,$(B)/libtlsock.a,release,$(library_src)))

$(B)/tlsockd: $(call objects,release,$(daemon_src)) $(B)/libhandshake.a
	$(call say,LINK)$(CC) $(CFLAGS) -pie $(LINK) -o $@ $^ $(daemon_libs) -pthread

$(B)/libtlsock.so.$(VERSION): $(call objects,release,$(library_src)) user/libtlsock/libtlsock.map
	$(call say,LINK)$(CC) $(CFLAGS) -shared $(LINK) -Wl,-soname,libtlsock.so.0 -Wl,-z,defs \
		-Wl,--version-script,user/libtlsock/libtlsock.map -o $@ $(filter %.o,$^)
	@ln -sf $(@F) $(B)/libtlsock.so.0
	@ln -sf libtlsock.so.0 $(B)/libtlsock.so

$(B)/tlsock: $(call objects,release,$(cli_src)) $(B)/libtlsock.a $(B)/libhandshake.a
	$(call say,LINK)$(CC) $(CFLAGS) -pie $(LINK) -o $@ $^ $(daemon_libs) -pthread

# Loaded into other people's programs: with the library's code inside, and no name but libc's.
$(B)/tlsock-exec.so: $(call objects,release,$(preload_src)) $(B)/libtlsock.a user/preload/preload.map
	$(call say,LINK)$(CC) $(CFLAGS) -shared $(LINK) -Wl,-z,defs \
		-Wl,--version-script,user/preload/preload.map -o $@ $(filter-out %.map,$^)

$(B)/examples/%: $(B)/obj/release/user/examples/%.o
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(CFLAGS) -pie $(LINK) -o $@ $^

user_outputs := $(B)/libhandshake.a \
	$(if $(wildcard user/daemon/main.c),$(B)/tlsockd) \
	$(if $(library_src),$(B)/libtlsock.a $(B)/libtlsock.so.$(VERSION)) \
	$(if $(cli_src),$(B)/tlsock $(B)/tlsock-exec.so) \
	$(example_src:user/examples/%.c=$(B)/examples/%)

# ---- unit tests: test_*.c is a program each, the other files of the folder are what they share,
# but for the program that BoringSSL's test runner drives

test_src := $(call sources,user/tests)
test_shared_src := $(filter-out user/tests/test_% user/tests/bogo_shim.c,$(test_src))
test_programs := $(patsubst user/tests/%.c,$(B)/tests/%,$(filter user/tests/test_%,$(test_src))) \
	$(B)/bogo_shim
pure_src := kmod/record.c kmod/cipher_suite.c

$(eval $(call archive,$(B)/san/libtests.a,san,$(test_shared_src)))
$(eval $(call archive,$(B)/san/libhandshake.a,san,$(engine_src)))
$(eval $(call archive,$(B)/san/libdaemon.a,san,$(filter-out user/daemon/main.c,$(daemon_src))))
$(eval $(call archive,$(B)/san/libtlsock.a,san,$(library_src)))
$(eval $(call archive,$(B)/san/libcli.a,san,$(filter-out user/cli/main.c,$(cli_src))))
$(eval $(call archive,$(B)/san/libpure.a,san,$(wildcard $(pure_src))))
test_archives := $(patsubst %,$(B)/san/lib%.a,tests cli daemon tlsock handshake pure)

$(B)/bogo_shim: $(B)/obj/san/user/tests/bogo_shim.o $(test_archives)
	$(call say,LINK)$(CC) $(SANITIZE) -o $@ $^ $(daemon_libs) -lssl -pthread

$(B)/tests/test_bogo_shim: | $(B)/bogo_shim

$(filter $(B)/tests/%,$(test_programs)): $(B)/tests/%: $(B)/obj/san/user/tests/%.o $(test_archives)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(SANITIZE) $(WRAP) -o $@ $^ $(daemon_libs) -lssl -pthread

# A token's provider, loaded as one is; what it says it needs comes from whoever loads it.
token_provider := $(B)/tests/token_provider.so
flags/user/tests/provider := -fPIC
$(token_provider): $(B)/obj/release/user/tests/provider/token_provider.o
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(CFLAGS) -shared $(LINK) -o $@ $^

$(B)/tests/test_daemon_tokens: | $(token_provider)

# No bytes of a fuzzer's choose what code is loaded.
$(B)/tests/test_fuzz: WRAP := -Wl,--wrap=keeper_new

# Memory that runs out: the engine's own, too.
$(B)/tests/test_memory: WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

##  make coverage           lines of the engine that tests and seeds run; at least 90 %
coverage:
	$(MAKE) --no-print-directory B=$(B)/coverage SANITIZE='--coverage -fprofile-update=atomic' tests
	selftests/coverage.sh $(B)/coverage

# ---- the bench of handshakes, built as what is installed is, with the tests' certificates

bench_src := $(call sources,user/bench) user/tests/identity.c user/tests/tap.c

$(B)/bench_handshake: $(call objects,release,$(bench_src)) $(B)/libhandshake.a
	$(call say,LINK)$(CC) $(CFLAGS) -pie $(LINK) -o $@ $^ -lssl $(crypto_libs)

##  make bench-handshake    what a handshake costs, beside libssl and nginx; ROUNDS=1000 KERNEL=6.12
bench-handshake: $(B)/bench_handshake $(B)/tlsockd $(B)/selftests/handshakes | setup-vm setup-peers
	@mkdir -p $(B)/bench
	$(B)/bench_handshake $(or $(ROUNDS),1000) $(B)/bench/handshake.csv
	selftests/bench/handshakes.sh $(or $(KERNEL),6.12)

$(B)/selftests/handshakes: $(B)/obj/release/selftests/bench/handshakes.o
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(CFLAGS) -pie $(LINK) -o $@ $^ -lssl $(crypto_libs)

.PHONY: bench-handshake coverage

# ---- selftests: a program each, with what they share and kselftest's own headers

selftest_src := $(call sources,selftests)
upstream_test := $(B)/selftests/upstream_tls
peer_programs := $(B)/selftests/go_peer $(B)/selftests/wolfssl_peer
selftest_programs := $(selftest_src:selftests/%.c=$(B)/selftests/%) $(upstream_test) $(peer_programs)

$(B)/kselftest:
	@mkdir -p $(@D)
	@ln -sfn "$$(selftests/vm/source.sh)/tools/testing/selftests" $@

$(call objects,release,$(selftest_src) $(call sources,selftests/lib)): | setup-vm $(B)/kselftest

$(filter-out $(upstream_test) $(peer_programs),$(selftest_programs)): $(B)/selftests/%: $(B)/obj/release/selftests/%.o \
		$(call objects,release,$(call sources,selftests/lib))
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(CFLAGS) -pie $(LINK) -o $@ $^ $(crypto_libs) -pthread

# The kernel's own test of kernel TLS; its warnings are not ours to mend.
$(upstream_test): | setup-vm $(B)/kselftest
	@mkdir -p $(@D)
	$(call say,LINK)source=$$(selftests/vm/source.sh) && \
		$(CC) -O2 -w -D_GNU_SOURCE= -I$$source/tools/testing/selftests \
		-isystem $$source/include/uapi -o $@ $$source/tools/testing/selftests/net/tls.c

# Other people's TLS libraries, as peers. Go's is in its own library: nothing is fetched.
$(B)/obj/release/selftests/interop/wolfssl_peer.o: | setup-peers

$(B)/selftests/wolfssl_peer: $(B)/obj/release/selftests/interop/wolfssl_peer.o
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(CFLAGS) -pie $(LINK) -o $@ $^ -lwolfssl

$(B)/selftests/go_peer: selftests/interop/go_peer.go | setup-peers
	@mkdir -p $(@D)
	$(call say,GO)GO111MODULE=off GOPROXY=off GOFLAGS= GOCACHE=$(abspath $(B))/go go build -o $@ $<

# GnuTLS as Debian does not build it
gnutls_programs := $(B)/selftests/gnutls-cli $(B)/selftests/gnutls-serv
$(B)/selftests/gnutls-%: selftests/vm/gnutls.sh | setup-gnutls
	@mkdir -p $(@D)
	$(call say,COPY)cp "$$(selftests/vm/gnutls.sh)/$(@F)" $@

.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
