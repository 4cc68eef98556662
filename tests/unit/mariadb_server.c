/* SPDX-License-Identifier: MIT */
#include "mariadb_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

const char *server_dir(void)
{
	const char *dir = getenv("DOCKGATE_TEST_MARIADB");

	if (dir == NULL)
		fail_msg("run this by tests/mariadb run");
	return dir;
}

MYSQL *admin_open(void)
{
	MYSQL *db = mysql_init(NULL);
	char socket[200];

	(void)snprintf(socket, sizeof(socket), "%s/socket", server_dir());
	if (mysql_real_connect(db, NULL, "root", NULL, NULL, 0, socket, 0) == NULL)
		fail_msg("%s", mysql_error(db));
	return db;
}
