/* Commits one field of a private JSON document: the value of "total" inside "order", as its JSON text. The rest of the document stays private; it must be valid JSON. */
#include <zkc.h>

static const char *at;

_Noreturn static void fail(const char *why) { zkc_panic(why); }

static void blanks(void) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
}

static void expect(char c) {
    if (*at != c) fail("not valid JSON: unexpected character");
    at++;
}

static void word(const char *text) {
    while (*text) expect(*text++);
}

static int digits(void) {
    int n = 0;
    for (; *at >= '0' && *at <= '9'; at++) n++;
    return n;
}

static void number(void) {
    if (*at == '-') at++;
    const char *start = at;
    if (!digits() || (*start == '0' && at - start > 1)) fail("not valid JSON: bad number");
    if (*at == '.') {
        at++;
        if (!digits()) fail("not valid JSON: no digits after the point");
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        if (*at == '+' || *at == '-') at++;
        if (!digits()) fail("not valid JSON: no digits in the exponent");
    }
}

static int is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/* Skips a string; returns whether it is spelled exactly `wanted`. */
static int string(const char *wanted) {
    expect('"');
    const char *start = at;
    for (; *at != '"'; at++) {
        if ((uint8_t)*at < 0x20) fail("not valid JSON: control character in a string");
        if (*at != '\\') continue;
        at++;
        if (*at == 'u') {
            for (int i = 0; i < 4; i++)
                if (!is_hex(*++at)) fail("not valid JSON: bad escape");
        } else if (*at != '"' && *at != '\\' && *at != '/' && *at != 'b' && *at != 'f' && *at != 'n' && *at != 'r' && *at != 't') {
            fail("not valid JSON: bad escape");
        }
    }
    size_t len = (size_t)(at++ - start);
    return len == strlen(wanted) && memcmp(start, wanted, len) == 0;
}

static const char *found;
static size_t found_len;

/* Skips one value. `path` is what is still to be found inside it: names, each ended by a zero byte, and an empty name at the end; NULL when the value is not on the path. */
static void value(const char *path, int depth) {
    if (depth > 64) fail("the document is nested too deeply");
    blanks();
    const char *start = at;
    if (*at == '{') {
        at++;
        blanks();
        if (*at != '}')
            for (;; at++) {
                blanks();
                int match = string(path ? path : "") && path && *path;
                blanks();
                expect(':');
                value(match ? path + strlen(path) + 1 : NULL, depth + 1);
                if (*at != ',') break;
            }
        expect('}');
    } else if (*at == '[') {
        at++;
        blanks();
        if (*at != ']')
            for (;; at++) {
                value(NULL, depth + 1);
                if (*at != ',') break;
            }
        expect(']');
    } else if (*at == '"') {
        string("");
    } else if (*at == 't') {
        word("true");
    } else if (*at == 'f') {
        word("false");
    } else if (*at == 'n') {
        word("null");
    } else {
        number();
    }
    if (path && !*path) {
        if (found) fail("the field is there twice");
        found = start;
        found_len = (size_t)(at - start);
    }
    blanks();
}

int main(void) {
    size_t size;
    at = (const char *)zkc_input_all(&size);
    const char *end = at + size;
    value("order\0total\0", 0);
    if (at != end) fail("not valid JSON: something follows the document");
    if (!found) fail("the document has no order.total");
    zkc_journal(found, found_len);
    zkc_print("order.total = ");
    zkc_write(1, found, found_len);
    zkc_print("\n");
    return 0;
}
