/* The table of commands. It is also what `ringbinder --help` and `ringbinder COMMAND --help` print; the manual page (ringbinder.1) says the same at length. */
#include "cli/commands.h"

#include "cli/audit.h"
#include "cli/ca.h"
#include "cli/obtain.h"
#include "cli/peers.h"
#include "cli/share.h"

const struct cli_command cli_commands[] = {
    {"put", cmd_put, "FILE --course COURSE [OPTION]... | --from-csv TABLE DIR [--dry-run]", "Share a file for a course, or a whole folder",
        "  --course, -c COURSE   the course; any spelling of it is the same\n"
        "  --term, -t TERM       \"2026 Fall\"\n"
        "  --title TITLE\n"
        "  --instructor, -i NAME\n"
        "  --note, -n NOTE       what is new in it\n"
        "  --if-match ID         only when this version (an id, or a SHA-256) is current: else exit status 5\n"
        "  --new                 only when the course has no current version\n"
        "  --from-csv TABLE      share the files of DIR that TABLE lists: columns course, term, title, instructor, file, note.\n"
        "                        What is shared already is left alone, so running it twice changes nothing\n"
        "  --dry-run             with --from-csv: say what would be done\n"},
    {"get", cmd_get, "COURSE [-o FILE] [--version N]", "Download the syllabus of a course",
        "  --output, -o FILE     where it goes; \"-\" is standard output; a folder: under its own name there\n"
        "  --version N           a version's number, or its id, as `ringbinder log` shows them\n"
        "  --force, -f           write over a file of that name in this folder\n"
        "\nIt comes as FILE.part, is checked against its SHA-256 and renamed. An interrupted download is gone on with.\n"},
    {"find", cmd_find, "[WORD]... [OPTION]...", "Find courses by the beginnings of words",
        "  --term, -t TERM       only of this term\n"
        "  --newest              the newest first, not by name\n"
        "  --limit N             at most so many (1000)\n"},
    {"log", cmd_log, "COURSE", "Show all versions of a course, the newest first", "It takes no options of its own.\n"},
    {"rm", cmd_rm, "COURSE [--version N]", "Take down a course or one version; `restore` brings it back",
        "  --version N           only this version, by number or id\n"
        "\nA whole course is taken down as it is now: when somebody shares a new version meanwhile, exit status 5.\n"},
    {"restore", cmd_restore, "COURSE [--version N]", "Make an earlier version the current one again",
        "  --version N           by number or id; else the newest that is not current\n"},
    {"share", cmd_share, CMD_SHARE_USAGE, "Share a folder of this machine with everybody", CMD_SHARE_HELP},
    {"peers", cmd_peers, CMD_PEERS_USAGE, "Show who shares a folder, and find files there", CMD_PEERS_HELP},
    {"obtain", cmd_obtain, CMD_OBTAIN_USAGE, "Download a file from those who share it", CMD_OBTAIN_HELP},
    {"status", cmd_status, "", "Show the cluster as a table", "It takes no options of its own.\n"},
    {"ring", cmd_ring, "[--node NODE]", "Show the hash ring", "  --node NODE           only this one, with its finger table\n"},
    {"where", cmd_where, "COURSE [--from NODE]", "Show which machines have a course, and why they",
        "  --from NODE           also the hops of a lookup that begins there\n"},
    {"node", cmd_node, "drain | undrain | remove NODE [--dry-run] [--force] | add DIR [OPTION]... | token NAME [OPTION]...",
        "Take machines out of the ring, add one, or let one in",
        "  drain NODE            it gives its files to others and leaves\n"
        "  undrain NODE          it stays after all, or comes back\n"
        "  remove NODE           it leaves at once; its copies are made anew from others\n"
        "  --dry-run             only say what would be moved and what is at risk\n"
        "  --force, -f           even when courses lose their last copy\n"
        "  add DIR               run a node on this machine, with its data in DIR, until Ctrl-C\n"
        "    --name NAME         of a new node: 1 to 63 of a-z, 0-9 and -\n"
        "    --zone ZONE         of a new node: copies are kept in distinct zones\n"
        "    --weight N          of a new node: its share, beside others\n"
        "    --listen ADDR:PORT  where it serves\n"
        "    --node-url URL      what others call; http:// and --listen when not given\n"
        "    --coordinators URLS separated by commas (RB_NODE_COORDINATORS)\n"
        "    --join-token FILE   of a new node: the token that an operator made for it (RB_NODE_JOIN_TOKEN)\n"
        "    --key FILE          of a new node, where it is at hand: the cluster's key (RB_NODE_KEY)\n"
        "  token NAME            make the token that lets one new machine in, once, under this name\n"
        "    --output, -o FILE   a new file for it, which only you can read; else it is printed\n"
        "    --zone ZONE         of the new node\n"
        "    --hours N           how long it is good: 1 to 168 (24)\n"
        "\nWhat would happen is shown first, then it asks; in a script give --yes.\n"},
    {"set", cmd_set, "k N [--dry-run]", "Set how many copies of each file are kept",
        "  --dry-run             only say what would be moved\n"
        "\nN is 1 to 16. What would happen is shown first, then it asks; in a script give --yes.\n"},
    {"audit", cmd_audit, CMD_AUDIT_USAGE, "Check that audit logs are what was written", CMD_AUDIT_HELP},
    {"ca", cmd_ca, CMD_CA_USAGE, "Make the certificates by which machines know each other", CMD_CA_HELP},
};

const unsigned cli_n_commands = sizeof cli_commands / sizeof cli_commands[0];
