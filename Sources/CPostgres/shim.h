#pragma once
#include <libpq-fe.h>
#include <spawn.h>

// glibc has these since 2.34; it declares them only to programs that ask for all GNU extensions.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
