/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdbus-util.h"
#include "log.h"
#include "macro.h"
#include "parse-util.h"
#include "proc-cmdline.h"

static int parse_proc_cmdline_item(const char *key, const char *value, void *data) {
        int *state = ASSERT_PTR(data);

        if (proc_cmdline_key_streq(key, "systemd.kdbus") || proc_cmdline_key_streq(key, "kdbus"))
                *state = value ? parse_boolean(value) : true;

        return 0;
}

int kdbus_read_switch(void) {
        int r, state = KDBUS_BY_DEFAULT;

        /* Reads the switch for the kernel bus: "systemd.kdbus=" or "kdbus=" on the kernel command line, with
         * or without a boolean. The last one counts; without any it is the default chosen at build time.
         * Returns a negative errno if that last one is not a boolean, or if there's no command line to read. */

        if (!ENABLE_KDBUS)
                return false;

        r = proc_cmdline_parse(parse_proc_cmdline_item, &state, /* flags= */ 0);
        if (r < 0)
                return r;

        return state;
}

bool kdbus_wanted(void) {
        int r;

        r = kdbus_read_switch();
        if (r < 0) {
                log_debug_errno(r, "Failed to read kernel bus switch, using the default: %m");
                return ENABLE_KDBUS && KDBUS_BY_DEFAULT;
        }

        return r;
}
