/* SPDX-License-Identifier: MIT */
/* A database for the queue of queue_world.h, of the server that tests/mariadb started. */
#pragma once

#include "mariadb_server.h"
#include "queue_world.h"

void run_sql(MYSQL *db, const char *sql);
/* The same over a connection of its own, in the database. */
void change(const char *sql);
/* The database, new and empty. */
void new_database(void);
/* Its connection string. */
void dsn_text(char *ret, size_t size);
/* The usual configuration with that connection string; `more`: lines in addition. */
void use_database(struct world *w, const char *dsn, const char *more);
/* As setup(), with a new database that is the queue's alone. */
int setup_alone(void **state);
