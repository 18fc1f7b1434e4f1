/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "filesystems.h"
#include "missing_magic.h"
#include "mountpoint-util.h"
#include "nulstr-util.h"
#include "string-util.h"
#include "tests.h"

TEST(sets_hold_known_filesystems) {
        for (FilesystemGroups i = 0; i < _FILESYSTEM_SET_MAX; i++) {
                const FilesystemSet *set = filesystem_sets + i;

                ASSERT_TRUE(filesystem_set_find(set->name) == set);

                NULSTR_FOREACH(fs, set->value) {
                        const statfs_f_type_t *magic;

                        /* Sets may contain other sets */
                        if (fs[0] == '@') {
                                ASSERT_NOT_NULL(filesystem_set_find(fs));
                                continue;
                        }

                        log_debug("%s: %s", set->name, fs);
                        ASSERT_OK(fs_type_from_string(fs, &magic));
                        ASSERT_TRUE(magic[0] != 0);
                        ASSERT_NOT_NULL(fs_type_to_string(magic[0]));
                }
        }
}

TEST(kdbusfs) {
        const statfs_f_type_t *magic;
        struct statfs s = { .f_type = KDBUS_SUPER_MAGIC };

        ASSERT_OK(fs_type_from_string("kdbusfs", &magic));
        ASSERT_TRUE(magic[0] == (statfs_f_type_t) 0x44427573);
        ASSERT_TRUE(magic[1] == 0);
        ASSERT_STREQ(fs_type_to_string(KDBUS_SUPER_MAGIC), "kdbusfs");

        ASSERT_TRUE(fs_in_group(&s, FILESYSTEM_SET_BASIC_API));
        ASSERT_TRUE(fs_in_group(&s, FILESYSTEM_SET_KNOWN));
        ASSERT_FALSE(fs_in_group(&s, FILESYSTEM_SET_PRIVILEGED_API));
        ASSERT_FALSE(fs_in_group(&s, FILESYSTEM_SET_NETWORK));

        /* Mounted by us, hence nothing that shutdown or mount units have to care for */
        ASSERT_TRUE(fstype_is_api_vfs("kdbusfs"));
}

DEFINE_TEST_MAIN(LOG_DEBUG);
