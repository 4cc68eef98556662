/* SPDX-License-Identifier: MIT */
/* The server that tests/mariadb started for this program. */
#pragma once

#include <mariadb/mysql.h>

/* Its directory; the test fails where there is none. */
const char *server_dir(void);
/* A connection as its administrator; the caller closes it. */
MYSQL *admin_open(void);
