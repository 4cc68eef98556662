/* SPDX-License-Identifier: MIT */
/* The commands of the payload that have files of their own. All return an exit code. */
#pragma once

int attack(char **args);
int syscalls(char **args);
int syscalls_foreign(char **args);
int leave(char **args);
int mark(char **args);
int traces(char **args);
int keep(char **args);
int procfs(char **args);
