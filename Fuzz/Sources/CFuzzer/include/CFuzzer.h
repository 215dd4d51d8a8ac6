#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer's own loop, with its command line; it calls `one` with each input and may change the arguments.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one)(const uint8_t *bytes, size_t count));
