/* The type ``Scanner``: tells of most texts for certain that they hold no secret, at a third of the rule's cost
   (``Redaction.suspects``). Whatever it finds, and every text it cannot read, the rule judges.

   Words are looked for in any spelling at once: of each three letters in a row, with what may stand between them passed
   over, a bit tells whether a word begins so; then a tree of the words is followed. It reads characters where they
   stand: nothing is encoded or copied. */

#include "hot.h"

#include <string.h>

enum { LETTER_BITS = 5, LETTERS = 1 << LETTER_BITS, STATES = 256, BEGIN = 3 };
enum { PASSED_OVER = 0, OTHER = 1, FIRST_LETTER = 2 };
enum { KEY_WORD = 1, TOKEN_WORD = 2 };

typedef struct {
    PyObject base;
    uint8_t letter_of[256], in_run[256];
    uint8_t next[STATES][LETTERS], found[STATES]; /* the tree: 0 is its root, and no word goes on there */
    uint64_t begins[1 << (BEGIN * LETTER_BITS - 6)];
    int states;
    Py_ssize_t longest_run;
} Scanner;

static int
refused(const char *why)
{
    PyErr_SetString(PyExc_ValueError, why);
    return -1;
}

/* Gives each letter of the words a number, and every character the number of its letter. */
static int
number_letters(Scanner *self, PyObject *words, const uint8_t *folded, PyObject *passed_over)
{
    uint8_t number_of[256];
    int letters = FIRST_LETTER;
    memset(number_of, OTHER, sizeof number_of);
    for (Py_ssize_t word = 0; word < PyTuple_GET_SIZE(words); word++) {
        PyObject *bytes = PyTuple_GET_ITEM(words, word);
        if (!PyBytes_Check(bytes) || PyBytes_GET_SIZE(bytes) < BEGIN) {
            return refused("a word to look for is three letters or more, as bytes");
        }
        for (Py_ssize_t each = 0; each < PyBytes_GET_SIZE(bytes); each++) {
            uint8_t *number = &number_of[(uint8_t)PyBytes_AS_STRING(bytes)[each]];
            if (*number == OTHER) {
                if (letters == LETTERS) {
                    return refused("the words to look for have too many different letters");
                }
                *number = (uint8_t)letters++;
            }
        }
    }
    for (int character = 0; character < 256; character++) {
        self->letter_of[character] = number_of[folded[character]];
    }
    for (Py_ssize_t each = 0; each < PyBytes_GET_SIZE(passed_over); each++) {
        self->letter_of[(uint8_t)PyBytes_AS_STRING(passed_over)[each]] = PASSED_OVER;
    }
    return 0;
}

/* Puts a word into the tree, and its beginning among those that are looked for; its letters are folded already. */
static int
add_word(Scanner *self, PyObject *word, int kind)
{
    unsigned begin = 0;
    int state = 0;
    for (Py_ssize_t each = 0; each < PyBytes_GET_SIZE(word); each++) {
        uint8_t letter = self->letter_of[(uint8_t)PyBytes_AS_STRING(word)[each]];
        uint8_t *next = &self->next[state][letter];
        if (*next == 0) {
            if (self->states == STATES) {
                return refused("the words to look for are too many");
            }
            *next = (uint8_t)self->states++;
        }
        state = *next;
        if (each < BEGIN) {
            begin = begin << LETTER_BITS | letter;
        }
    }
    self->found[state] |= (uint8_t)kind;
    self->begins[begin / 64] |= 1ull << begin % 64;
    return 0;
}

/* The kinds of words that begin with these letters and go on with these characters. */
static int
words_at(const Scanner *self, unsigned begin, const uint8_t *at, const uint8_t *end)
{
    int state = 0, found = 0;
    for (int shift = (BEGIN - 1) * LETTER_BITS; shift >= 0; shift -= LETTER_BITS) {
        state = self->next[state][begin >> shift & (LETTERS - 1)];
    }
    found = self->found[state];
    for (; at < end && state != 0; at++) {
        uint8_t letter = self->letter_of[*at];
        state = letter == PASSED_OVER ? state : self->next[state][letter];
        found |= self->found[state];
    }
    return found;
}

/* The kinds of words that are in a text. */
static int
words_in(const Scanner *self, const uint8_t *at, const uint8_t *end)
{
    unsigned letters = 0;
    int found = 0;
    while (at < end) {
        uint8_t letter = self->letter_of[*at++];
        if (letter == PASSED_OVER) {
            continue;
        }
        letters = letters << LETTER_BITS | letter; /* the oldest fall out at the top */
        unsigned begin = letters & ((1u << BEGIN * LETTER_BITS) - 1);
        if (self->begins[begin / 64] >> begin % 64 & 1) {
            found |= words_at(self, begin, at, end);
        }
    }
    return found;
}

/* How long the unbroken run around a character is. */
static Py_ssize_t
run_around(const Scanner *self, const uint8_t *text, Py_ssize_t size, Py_ssize_t at)
{
    Py_ssize_t first = at, last = at;
    while (first > 0 && self->in_run[text[first - 1]]) {
        first--;
    }
    while (last < size && self->in_run[text[last]]) {
        last++;
    }
    return last - first;
}

/* Whether there is an unbroken run of ``longest_run`` characters. One holds a whole stretch of half as many that begins
   at a multiple of that, and one more; few stretches of a text are unbroken, so the branch is foreseen. */
static int
holds_run(const Scanner *self, const uint8_t *text, Py_ssize_t size)
{
    Py_ssize_t half = self->longest_run / 2;
    for (Py_ssize_t at = 0; at + half < size; at += half) {
        uint8_t unbroken = 1;
        for (Py_ssize_t each = 0; each <= half; each++) {
            unbroken &= self->in_run[text[at + each]];
        }
        if (unbroken && run_around(self, text, size, at) >= self->longest_run) {
            return 1;
        }
    }
    return 0;
}

/* Whether there is ``--`` and a letter, as an option of a command begins. */
static int
holds_option(const uint8_t *at, const uint8_t *end)
{
    while (end - at > 2 && (at = memchr(at, '-', (size_t)(end - at - 2))) != NULL) {
        at++;
        if (at[0] == '-' && Py_ISALPHA(at[1])) {
            return 1;
        }
    }
    return 0;
}

/* Whether a text may hold a secret. */
static PyObject *
Scanner_call(Scanner *self, PyObject *args, PyObject *options)
{
    PyObject *text;
    (void)options;
    if (!PyArg_ParseTuple(args, "U", &text)) {
        return NULL;
    }
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND) {
        Py_RETURN_TRUE;
    }
    const uint8_t *bytes = PyUnicode_1BYTE_DATA(text);
    size_t size = (size_t)PyUnicode_GET_LENGTH(text);
    int has_colon = memchr(bytes, ':', size) != NULL;
    if (self->longest_run > 0 &&
        ((has_colon && memchr(bytes, '@', size)) || holds_run(self, bytes, (Py_ssize_t)size))) {
        Py_RETURN_TRUE;
    }
    int found = words_in(self, bytes, bytes + size);
    int assigns = found & KEY_WORD && (has_colon || memchr(bytes, '=', size) || holds_option(bytes, bytes + size));
    return PyBool_FromLong(found & TOKEN_WORD || assigns);
}

/* Scanner(words, key_words, folded, passed_over, run, longest_run): ``words`` as ``folded`` makes them of characters,
   the first ``key_words`` of which matter only beside a ``=``, ``:`` or ``--``; ``run`` are the characters of long
   runs, where ``longest_run`` in a row say enough, none where that is 0. A ValueError where there is no room for all of
   them. */
static int
Scanner_fill(PyObject *object, PyObject *args)
{
    Scanner *self = (Scanner *)object;
    PyObject *words, *passed_over, *run;
    Py_ssize_t key_words, size;
    const char *folded;
    if (!PyArg_ParseTuple(args, "O!ny#SSn", &PyTuple_Type, &words, &key_words, &folded, &size, &passed_over, &run,
                          &self->longest_run)) {
        return -1;
    }
    if (size != 256) {
        return refused("characters are folded by a table of 256");
    }
    if (self->longest_run < 0 || self->longest_run == 1) {
        return refused("a long run is of two characters or more");
    }
    self->states = 1;
    if (number_letters(self, words, (const uint8_t *)folded, passed_over) < 0) {
        return -1;
    }
    for (Py_ssize_t word = 0; word < PyTuple_GET_SIZE(words); word++) {
        int kind = word < key_words ? KEY_WORD : TOKEN_WORD;
        if (add_word(self, PyTuple_GET_ITEM(words, word), kind) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t each = 0; each < PyBytes_GET_SIZE(run); each++) {
        self->in_run[(uint8_t)PyBytes_AS_STRING(run)[each]] = 1;
    }
    return 0;
}

static PyObject *
Scanner_new(PyTypeObject *type, PyObject *args, PyObject *options)
{
    (void)options;
    return make(type, args, Scanner_fill);
}

static PyType_Slot slots[] = {
    {Py_tp_new, Scanner_new},
    {Py_tp_dealloc, let_go},
    {Py_tp_call, Scanner_call},
    {0, NULL},
};

PyType_Spec Scanner_spec = {
    .name = "recorder.hot._hot.Scanner",
    .basicsize = sizeof(Scanner),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
