/* A row as MessagePack, byte for byte as msgspec encodes it, where all its fields are plain: None, booleans, integers,
   floats and texts. A row has some thirty fields, most of them None: walking them here takes a fifth of the time. */

#include "hot.h"

#include <string.h>

int
find_layout(PyObject *type, Layout *layout)
{
    PyObject *names = PyObject_GetAttrString(type, "__struct_fields__");
    PyObject *config = PyObject_GetAttrString(type, "__struct_config__");
    PyObject *tag = config == NULL ? NULL : PyObject_GetAttrString(config, "tag");
    int result = -1;
    if (names == NULL || tag == NULL) {
        goto end;
    }
    layout->tag = PyLong_AsSsize_t(tag);
    layout->count = PyTuple_Size(names);
    if (PyErr_Occurred()) {
        goto end;
    }
    if (layout->count > MOST_FIELDS || layout->tag < 0 || layout->tag > 127) {
        PyErr_Format(PyExc_TypeError, "rows of %R have too many fields, or no small tag", type);
        goto end;
    }
    for (Py_ssize_t each = 0; each < layout->count; each++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, each));
        if (name == NULL || find_field(type, name, &layout->fields[each]) < 0) {
            goto end;
        }
    }
    result = 0;
end:
    Py_XDECREF(tag);
    Py_XDECREF(config);
    Py_XDECREF(names);
    return result;
}

/* Puts a byte and a number after it, its highest byte first. */
static unsigned char *
put_number(unsigned char *at, unsigned char kind, uint64_t number, int width)
{
    *at++ = kind;
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
        *at++ = (unsigned char)(number >> shift);
    }
    return at;
}

/* The kinds of integers of 1, 2, 4 and 8 bytes follow each other. */
static unsigned char *
put_integer(unsigned char *at, long long number)
{
    if (number >= -32 && number < 128) {
        *at = (unsigned char)number;
        return at + 1;
    }
    if (number >= 0) {
        int size = number < 1 << 8 ? 0 : number < 1 << 16 ? 1 : number < 1LL << 32 ? 2 : 3;
        return put_number(at, (unsigned char)(0xCC + size), (uint64_t)number, 1 << size);
    }
    int size = number >= -(1 << 7) ? 0 : number >= -(1 << 15) ? 1 : number >= -(1LL << 31) ? 2 : 3;
    return put_number(at, (unsigned char)(0xD0 + size), (uint64_t)number, 1 << size);
}

static unsigned char *
put_text(unsigned char *at, PyObject *text, const unsigned char *end)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(text);
    const char *bytes = PyUnicode_IS_COMPACT_ASCII(text) ? PyUnicode_DATA(text) : PyUnicode_AsUTF8AndSize(text, &size);
    if (bytes == NULL || size > end - at - 3) {
        return NULL;
    }
    if (size < 32) {
        *at++ = (unsigned char)(0xA0 | size);
    }
    else {
        at = size < 256 ? put_number(at, 0xD9, (uint64_t)size, 1) : put_number(at, 0xDA, (uint64_t)size, 2);
    }
    memcpy(at, bytes, (size_t)size);
    return at + size;
}

static unsigned char *
put_plain(unsigned char *at, PyObject *value, const unsigned char *end)
{
    if (value == NULL || end - at < 9) {
        return NULL;
    }
    if (value == Py_None) {
        *at = 0xC0;
        return at + 1;
    }
    if (PyUnicode_CheckExact(value)) {
        return put_text(at, value, end);
    }
    if (PyLong_CheckExact(value)) {
        int overflow;
        long number = PyLong_AsLongAndOverflow(value, &overflow);
        return overflow ? NULL : put_integer(at, number);
    }
    if (PyBool_Check(value)) {
        *at = value == Py_True ? 0xC3 : 0xC2;
        return at + 1;
    }
    if (PyFloat_CheckExact(value)) {
        uint64_t bits;
        memcpy(&bits, &((PyFloatObject *)value)->ob_fval, sizeof bits);
        return put_number(at, 0xCB, bits, 8);
    }
    return NULL;
}

Py_ssize_t
encode_row(const Layout *layout, PyObject *row, unsigned char bytes[MOST_BYTES])
{
    const unsigned char *end = bytes + MOST_BYTES;
    unsigned char *at = put_number(bytes, 0xDC, (uint64_t)layout->count + 1, 2); /* more than 15: a long array */
    if (layout->count < 15) {
        at = bytes;
        *at++ = (unsigned char)(0x90 | (layout->count + 1));
    }
    *at++ = (unsigned char)layout->tag;
    for (Py_ssize_t each = 0; each < layout->count; each++) {
        at = put_plain(at, FIELD(row, layout->fields[each]), end);
        if (at == NULL) {
            PyErr_Clear();
            return 0;
        }
    }
    return at - bytes;
}
