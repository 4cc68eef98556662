/* SPDX-License-Identifier: MIT */
/*
 * The schema of the store in MariaDB. Texts are VARBINARY: bytes are kept as they
 * came, whatever they are. Every question asked while serving has its index.
 *
 *	meta         name, value: "schema", "age", "shared_age"
 *	job          one row for each
 *	job_blob     its bytes, up to 64 KiB in the row, beyond that named
 *	job_event    its moves
 *	job_file     large bytes that all machines can read; one row each,
 *	file_chunk   and its content in rows of 1 MiB
 *	journal      one row for each transaction: who wrote it, which jobs it touched.
 *	             n goes up in the order of commits (change_counter is locked from
 *	             the end of a transaction to its commit), so that a reader who
 *	             asks for what is above the last n misses nothing
 *	node         the machines that share the store
 *	INSTANCE, RESULT   views, for whoever read the original's tables
 */
#pragma once

#include "mariadb_link.h"

/*
 * Makes what is missing, brings an older schema up to this one. -EPROTO: it is newer.
 * -EEXIST: the database holds tables of somebody else's under our names.
 */
int mariadb_schema_check(struct mariadb_link *link, struct err *err);
