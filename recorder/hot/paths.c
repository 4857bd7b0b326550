/* Paths of steps, put together in one piece where all of it is ASCII. */

#include "ordinary.h"

#include <string.h>

enum { MOST_DIGITS = 20 };

static int
is_ascii(PyObject *text)
{
    return PyUnicode_IS_COMPACT_ASCII(text);
}

/* Writes a number from 0 on in decimal digits, and gives how many there are. */
static Py_ssize_t
put_digits(char digits[MOST_DIGITS], unsigned long number)
{
    char backwards[MOST_DIGITS];
    Py_ssize_t count = 0;
    do {
        backwards[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (Py_ssize_t each = 0; each < count; each++) {
        digits[each] = backwards[count - 1 - each];
    }
    return count;
}

int
is_plain_name(PyObject *name)
{
    if (!is_ascii(name)) {
        return PyUnicode_IsIdentifier(name);
    }
    const Py_UCS1 *letters = PyUnicode_1BYTE_DATA(name);
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    int plain = size > 0 && !Py_ISDIGIT(letters[0]);
    for (Py_ssize_t each = 0; plain && each < size; each++) {
        plain = Py_ISALNUM(letters[each]) || letters[each] == '_';
    }
    return plain;
}

/* ``above``, a slash where it and ``name`` are both there, ``name`` unless NULL, and the end. */
static PyObject *
joined(PyObject *above, PyObject *name, const char *end, Py_ssize_t end_size)
{
    Py_ssize_t head = PyUnicode_GET_LENGTH(above), tail = name == NULL ? 0 : PyUnicode_GET_LENGTH(name);
    int has_slash = head > 0 && name != NULL;
    PyObject *path = PyUnicode_New(head + has_slash + tail + end_size, 127);
    if (path == NULL) {
        return NULL;
    }
    Py_UCS1 *at = PyUnicode_1BYTE_DATA(path);
    memcpy(at, PyUnicode_1BYTE_DATA(above), (size_t)head);
    at += head;
    if (has_slash) {
        *at++ = '/';
    }
    if (name != NULL) {
        memcpy(at, PyUnicode_1BYTE_DATA(name), (size_t)tail);
    }
    memcpy(at + tail, end, (size_t)end_size);
    return path;
}

PyObject *
path_of_node(PyObject *above, PyObject *name, PyObject *execution)
{
    long number = PyLong_AsLong(execution);
    if (number < 0) {
        return NULL;
    }
    if (number <= 1 && PyUnicode_GET_LENGTH(above) == 0) {
        return Py_NewRef(name);
    }
    if (is_ascii(above) && is_ascii(name)) {
        char end[1 + MOST_DIGITS] = "@";
        return joined(above, name, end, number <= 1 ? 0 : 1 + put_digits(end + 1, (unsigned long)number));
    }
    const char *slash = PyUnicode_GET_LENGTH(above) == 0 ? "" : "/";
    return number <= 1 ? PyUnicode_FromFormat("%U%s%U", above, slash, name)
                       : PyUnicode_FromFormat("%U%s%U@%ld", above, slash, name, number);
}

PyObject *
path_of_item(PyObject *above, PyObject *item)
{
    int overflow;
    long number = PyLong_AsLongAndOverflow(item, &overflow);
    if (overflow || number < 0 || !is_ascii(above)) {
        return PyUnicode_FromFormat("%U[%S]", above, item);
    }
    char end[2 + MOST_DIGITS] = "[";
    Py_ssize_t digits = put_digits(end + 1, (unsigned long)number);
    end[1 + digits] = ']';
    return joined(above, NULL, end, 2 + digits);
}
