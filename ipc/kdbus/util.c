// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ctype.h>
#include <linux/string.h>

#include "limits.h"
#include "util.h"

/**
 * kdbus_str_valid() - whether a buffer holds exactly one string
 * @str:	buffer
 * @size:	bytes in @str, terminator included
 *
 * Return: true if the last byte is the only NUL. The string may be empty.
 */
bool kdbus_str_valid(const char *str, size_t size)
{
	return size > 0 && strnlen(str, size) == size - 1;
}

/* ASCII only: isalnum() of the kernel knows Latin-1 letters as well (W-23). */
static bool is_word(char c)
{
	return isascii(c) && (isalnum(c) || c == '_');
}

/**
 * kdbus_label_valid() - check a bus name, endpoint name or description
 * @str:	characters, need not be terminated
 * @len:	number of characters
 *
 * The length is the caller's affair, apart from the empty label.
 *
 * Return: true if all characters are letters, digits or '_', or '-' and '.'
 * anywhere but at the ends (table 3.3 of the interface).
 */
bool kdbus_label_valid(const char *str, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (is_word(str[i]))
			continue;
		if (str[i] != '-' && str[i] != '.')
			return false;
		if (i == 0 || i == len - 1)
			return false;
	}

	return len > 0;
}

/**
 * kdbus_name_valid() - check a well-known name
 * @name:		NUL-terminated name
 * @allow_wildcard:	accept a lone '*' as last of several elements
 *
 * Return: true if @name follows NAME-1.
 */
bool kdbus_name_valid(const char *name, bool allow_wildcard)
{
	bool start = true, dots = false;
	const char *p;

	for (p = name; *p; p++) {
		if (*p == '.') {
			if (start)
				return false;
			start = true;
			dots = true;
			continue;
		}
		if (start && isdigit(*p))
			return false;
		if (start && *p == '*')
			return allow_wildcard && dots && !p[1] &&
			       p - name < KDBUS_NAME_MAX_LEN;
		if (!is_word(*p) && *p != '-')
			return false;
		start = false;
	}

	return dots && !start && p - name <= KDBUS_NAME_MAX_LEN;
}
