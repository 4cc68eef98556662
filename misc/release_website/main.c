/* SPDX-License-Identifier: MIT */
/*
 * release_website SRC DST: a copy of a site in which every script and style sheet has its hash in
 * its name, and every reference to it that name.
 *
 * Theory of operation. One process without privileges, in four steps. site.c lists what is there.
 * scan.c and the scanners (html, xml, markup, css, js, json and what is written in it) find, for
 * each file by itself, what a browser would resolve, and where in the file its last dot stands: all
 * that a release does to a reference is to put the mark "_<sha256>" in front of it. resolve.c makes
 * files of references, name.c gives the marks, dependencies first. output.c builds the result
 * beside DST and swaps it in; before that nothing in DST has changed.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "release.h"

#define STATUS_USE 2

static const char help[] =
	"Usage: release_website [OPTION]... SRC DST\n"
	"Copies the site in SRC to DST. NAME.css and NAME.js become NAME_<sha256>.css and\n"
	"NAME_<sha256>.js, and every reference to them is changed with them.\n"
	"\n"
	"  -n, --dry-run        say what would be changed, and leave DST alone\n"
	"  -m, --manifest=FILE  write old and new names to FILE, as JSON\n"
	"  -u, --base-url=URL   where DST will be served, for references with a host or\n"
	"                       for a site that is not at its host's root\n"
	"  -b, --backup         keep what was in DST as DST~\n"
	"  -s, --strict         fail where there is a note on stderr\n"
	"  -q, --quiet          no line for each reference\n"
	"  -h, --help           this\n"
	"  -V, --version        the version\n";

static const struct option long_options[] = {
	{ "dry-run", no_argument, NULL, 'n' },
	{ "manifest", required_argument, NULL, 'm' },
	{ "base-url", required_argument, NULL, 'u' },
	{ "backup", no_argument, NULL, 'b' },
	{ "strict", no_argument, NULL, 's' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int say(const char *text)
{
	return fputs(text, stdout) == EOF || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* -1: go on; otherwise the exit status. */
static int parse(int argc, char **argv, struct release_options *options)
{
	int c;

	while ((c = getopt_long(argc, argv, "nm:u:bsqhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'n':
			options->dry_run = true;
			break;
		case 'm':
			options->manifest = optarg;
			break;
		case 'u':
			options->base_url = optarg;
			break;
		case 'b':
			options->backup = true;
			break;
		case 's':
			options->strict = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'h':
			return say(help);
		case 'V':
			return say("release_website (dockgate) " DOCKGATE_VERSION "\n");
		default:
			(void)fputs("Try 'release_website --help'.\n", stderr);
			return STATUS_USE;
		}
	}
	if (argc - optind != 2) {
		(void)fprintf(stderr, "release_website: SRC and DST are needed, and no more\n"
				      "Try 'release_website --help'.\n");
		return STATUS_USE;
	}
	options->src = argv[optind];
	options->dst = argv[optind + 1];
	return -1;
}

int main(int argc, char **argv)
{
	struct release_options options = { 0 };
	struct err err = { 0 };
	int status = parse(argc, argv, &options);

	if (status >= 0)
		return status;
	if (release(&options, &err) < 0) {
		(void)fputs("release_website: ", stderr);
		text_print(stderr, err.msg, strlen(err.msg));
		(void)fputc('\n', stderr);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
