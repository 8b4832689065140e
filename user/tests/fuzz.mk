# SPDX-License-Identifier: MIT
#
# fuzz.mk: the targets of fuzz.h under libFuzzer, with clang. What is found lies in
# build/fuzz/found-TARGET, the corpus in build/fuzz/corpus-TARGET; seeds come from the tree.

FUZZ_SECONDS ?= 60
fuzz_names := message engine session certificate
fuzz_src := $(engine_src) $(addprefix user/tests/,edit.c identity.c pair.c tap.c fuzz.c \
	fuzz_message.c fuzz_session.c)

$(B)/fuzz/%: $(fuzz_src) $(wildcard user/handshake/*.h user/tests/*.h) | setup-lint
	@mkdir -p $(@D)
	clang $(BASE) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		$(flags/user/tests) -DFUZZ_TARGET=fuzz_$* -o $@ $(fuzz_src) $(crypto_libs)

##  make fuzz               libFuzzer over the engine; FUZZ_SECONDS=60 for each target
fuzz: $(addprefix $(B)/fuzz/,$(fuzz_names))
	@for t in $(fuzz_names); do \
		mkdir -p $(B)/fuzz/corpus-$$t; \
		echo "fuzz_$$t for $(FUZZ_SECONDS) seconds"; \
		$(B)/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -max_len=16384 -print_final_stats=1 \
			-artifact_prefix=$(B)/fuzz/found-$$t- $(B)/fuzz/corpus-$$t \
			user/tests/seeds/$$t 2> $(B)/fuzz/$$t.log || { tail -40 $(B)/fuzz/$$t.log; exit 1; }; \
		grep -E 'number_of_executed_units|slowest_unit' $(B)/fuzz/$$t.log; \
	done

.PHONY: fuzz
