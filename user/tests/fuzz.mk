# SPDX-License-Identifier: MIT
#
# fuzz.mk: the targets of fuzz.h under libFuzzer, with clang. What is found lies in
# build/fuzz/found-TARGET, the corpus in build/fuzz/corpus-TARGET; seeds come from the tree.

FUZZ_SECONDS ?= 60
fuzz_names := message engine session certificate ticket config
fuzz_src := $(engine_src) $(filter-out user/daemon/main.c,$(daemon_src)) \
	$(addprefix user/tests/,identity.c pair.c tap.c fuzz_message.c fuzz_session.c fuzz_config.c)
FUZZ_CC := clang $(BASE) -O1 -g -fno-sanitize-recover=all

$(B)/obj/fuzz/%.o: %.c | setup-build setup-lint
	@mkdir -p $(@D)
	$(call say,CC)$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined $(dir_flags) -MMD -MP \
		-c -o $@ $<

$(addprefix $(B)/fuzz/,$(fuzz_names)): $(B)/fuzz/%: user/tests/fuzz.c $(call objects,fuzz,$(fuzz_src))
	@mkdir -p $(@D)
	$(call say,LINK)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $(flags/user/tests) \
		-DFUZZ_TARGET=fuzz_$* -Wl,--wrap=keeper_new -o $@ $^ $(daemon_libs) -pthread

##  make fuzz               libFuzzer over engine and daemon; FUZZ_SECONDS=60 for each target
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
