#include "fcgi/service/kinds.h"

#include "lib/base/text.h"

#include <string.h>
#include <strings.h>

#define OFFICE "application/vnd.openxmlformats-officedocument."
#define ODF "application/vnd.oasis.opendocument."

static const struct kind kinds[] = {
    {"text/plain", KIND_TEXT, "plain text", ".txt", 1, 0},
    {"text/html", KIND_TEXT, "a web page (HTML)", ".html", 0, 0},
    {"image/svg+xml", KIND_TEXT, "an SVG drawing", ".svg", 0, 0},
    {"text/xml", KIND_TEXT, "an XML document", ".xml", 0, 0},
    {"text/rtf", KIND_TEXT, "a rich text document (RTF)", ".rtf", 0, 0},
    {"application/postscript", KIND_TEXT, "a PostScript document", ".ps", 0, 0},
    {"text/markdown", KIND_TEXT, "Markdown", ".md", 0, 1},
    {"text/csv", KIND_TEXT, "a table (CSV)", ".csv", 0, 1},
    {"text/x-tex", KIND_TEXT, "a TeX document", ".tex", 0, 0},
    {"application/json", KIND_TEXT, "JSON", ".json", 0, 1},
    {"text/calendar", KIND_TEXT, "a calendar", ".ics", 0, 0},

    {"application/pdf", KIND_EXACT, "a PDF", ".pdf", 0, 0},
    {"image/png", KIND_EXACT, "a PNG picture", ".png", 0, 0},
    {"image/jpeg", KIND_EXACT, "a JPEG picture", ".jpg", 0, 0},
    {"image/gif", KIND_EXACT, "a GIF picture", ".gif", 0, 0},
    {"image/webp", KIND_EXACT, "a WebP picture", ".webp", 0, 0},
    {"image/tiff", KIND_EXACT, "a TIFF picture", ".tif", 0, 0},
    {"image/bmp", KIND_EXACT, "a BMP picture", ".bmp", 0, 0},
    {"application/gzip", KIND_EXACT, "a gzip archive", ".gz", 0, 0},
    {"application/x-tar", KIND_EXACT, "a tar archive", ".tar", 0, 0},
    {"application/x-7z-compressed", KIND_EXACT, "a 7-Zip archive", ".7z", 0, 0},
    {"application/x-rar", KIND_EXACT, "a RAR archive", ".rar", 0, 0},
    {"audio/mpeg", KIND_EXACT, "a sound recording (MP3)", ".mp3", 0, 0},
    {"video/mp4", KIND_EXACT, "a film (MP4)", ".mp4", 0, 0},

    {"application/zip", KIND_PACKAGE, "a ZIP archive", ".zip", 1, 0},
    {OFFICE "wordprocessingml.document", KIND_PACKAGE, "a Word document", ".docx", 0, 0},
    {OFFICE "spreadsheetml.sheet", KIND_PACKAGE, "an Excel workbook", ".xlsx", 0, 0},
    {OFFICE "presentationml.presentation", KIND_PACKAGE, "a PowerPoint presentation", ".pptx", 0, 0},
    {ODF "text", KIND_PACKAGE, "an OpenDocument text", ".odt", 0, 0},
    {ODF "spreadsheet", KIND_PACKAGE, "an OpenDocument spreadsheet", ".ods", 0, 0},
    {ODF "presentation", KIND_PACKAGE, "an OpenDocument presentation", ".odp", 0, 0},
    {"application/epub+zip", KIND_PACKAGE, "an EPUB book", ".epub", 0, 0},

    {"application/x-ole-storage", KIND_OLE, "an old Office document", "", 1, 0},
    {"application/msword", KIND_OLE, "an old Word document", ".doc", 0, 0},
    {"application/vnd.ms-excel", KIND_OLE, "an old Excel workbook", ".xls", 0, 0},
    {"application/vnd.ms-powerpoint", KIND_OLE, "an old PowerPoint presentation", ".ppt", 0, 0},
};

static const struct kind windows_program = {"application/octet-stream", KIND_UNKNOWN, "a program for Windows", "", 0, 0};
static const struct kind unix_program = {"application/octet-stream", KIND_UNKNOWN, "a program for Linux or another Unix", "", 0, 0};
static const struct kind unknown = {"application/octet-stream", KIND_UNKNOWN, "something else, of no kind we know", "", 0, 0};

/* Other names for the kinds above: from libmagic, browsers, and habit. */
static const struct {
    const char *alias, *type;
} aliases[] = {
    {"application/xhtml+xml", "text/html"},
    {"application/xml", "text/xml"},
    {"application/rtf", "text/rtf"},
    {"text/richtext", "text/rtf"},
    {"text/x-markdown", "text/markdown"},
    {"application/csv", "text/csv"},
    {"application/x-tex", "text/x-tex"},
    {"application/x-pdf", "application/pdf"},
    {"image/jpg", "image/jpeg"},
    {"image/x-png", "image/png"},
    {"image/x-ms-bmp", "image/bmp"},
    {"application/x-gzip", "application/gzip"},
    {"application/vnd.rar", "application/x-rar"},
    {"application/x-zip-compressed", "application/zip"},
    {"application/x-zip", "application/zip"},
    {"application/cdfv2", "application/x-ole-storage"},
    {"application/cdfv2-corrupt", "application/x-ole-storage"},
    {"application/encrypted", "application/x-ole-storage"},
    {"application/vnd.ms-office", "application/x-ole-storage"},
};

static const struct {
    const char *extension, *type;
} extensions[] = {
    {".htm", "text/html"},
    {".xhtml", "text/html"},
    {".jpeg", "image/jpeg"},
    {".tiff", "image/tiff"},
    {".markdown", "text/markdown"},
    {".text", "text/plain"},
};

static const struct kind *find_type(const char *type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcasecmp(kinds[i].type, type) == 0)
            return &kinds[i];
    return NULL;
}

const struct kind *kinds_of_claim(const char *media_type)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcasecmp(aliases[i].alias, media_type) == 0)
            return find_type(aliases[i].type);
    return find_type(media_type);
}

const struct kind *kinds_of_bytes(const char *magic_type, int reads_as_text)
{
    if (strcmp(magic_type, "application/x-dosexec") == 0 || strcmp(magic_type, "application/vnd.microsoft.portable-executable") == 0)
        return &windows_program;
    if (strncmp(magic_type, "application/x-sharedlib", 23) == 0 || strncmp(magic_type, "application/x-executable", 24) == 0 ||
        strncmp(magic_type, "application/x-pie-executable", 28) == 0)
        return &unix_program;
    const struct kind *k = kinds_of_claim(magic_type);
    if (k != NULL && !k->claim_only)
        return k;
    /* Source code, mail and whatever else libmagic has a finer name for. */
    if (reads_as_text || strncmp(magic_type, "text/", 5) == 0)
        return find_type("text/plain");
    return &unknown;
}

const struct kind *kinds_of_filename(const char *filename)
{
    const char *dot = strrchr(filename, '.');
    if (dot == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        if (strcasecmp(extensions[i].extension, dot) == 0)
            return find_type(extensions[i].type);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].extension[0] != '\0' && strcasecmp(kinds[i].extension, dot) == 0)
            return &kinds[i];
    return NULL;
}

int kinds_agree(const struct kind *bytes, const struct kind *claim)
{
    if (claim == NULL || claim == bytes)
        return 1;
    switch (claim->family) {
    case KIND_TEXT: return bytes->family == KIND_TEXT;
    case KIND_PACKAGE:
        /* A .docx with a password is an OLE file. */
        return bytes->family == KIND_PACKAGE || (bytes->family == KIND_OLE && !claim->generic);
    case KIND_OLE:
        /* Word has always saved RTF, and later its new format, under the old name. */
        return bytes->family == KIND_OLE || bytes->family == KIND_PACKAGE || strcmp(bytes->type, "text/rtf") == 0;
    case KIND_EXACT:
    case KIND_UNKNOWN: break;
    }
    return 0;
}

int kinds_agree_unknown(const struct kind *bytes, const char *media_type)
{
    const char *slash = strchr(media_type, '/');
    if (slash == NULL)
        return 1;
    size_t n = (size_t)(slash - media_type) + 1;
    if (strncasecmp(media_type, "text/", n) == 0)
        return bytes->family == KIND_TEXT;
    int telling =
        strncasecmp(media_type, "image/", n) == 0 || strncasecmp(media_type, "audio/", n) == 0 || strncasecmp(media_type, "video/", n) == 0;
    return !telling || bytes->family == KIND_UNKNOWN || strncasecmp(bytes->type, media_type, n) == 0;
}

const char *kinds_type(const struct kind *bytes, const struct kind *by_name, const struct kind *by_type)
{
    const struct kind *claims[] = {by_name, by_type};
    for (size_t i = 0; i < 2 && bytes->generic; i++) {
        const struct kind *c = claims[i];
        if (c == NULL || c->family != bytes->family || c->generic)
            continue;
        /* Text that does not look like HTML or SVG to libmagic stays plain text whatever it is called: less can happen with it. */
        if (bytes->family != KIND_TEXT || c->claim_only)
            return c->type;
    }
    return bytes->type;
}

const char *kinds_extension(const char *type)
{
    const struct kind *k = find_type(type);
    return k == NULL ? "" : k->extension;
}

int kinds_reads_as_text(const void *head, size_t n)
{
    const unsigned char *s = head;
    size_t end = n;
    /* Leaves out a last character that may go on behind the head: at most three bytes of one of two to four. */
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = s[n - back];
        if ((c & 0xC0) == 0x80)
            continue;
        if (c >= 0xC0)
            end = n - back;
        break;
    }
    if (end == 0 || !text_is_utf8(head, end))
        return 0;
    for (size_t i = 0; i < end; i++)
        if ((s[i] < 0x20 && !(s[i] >= '\t' && s[i] <= '\r')) || s[i] == 0x7F)
            return 0;
    return 1;
}
