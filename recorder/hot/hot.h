/* What the sources of recorder.hot share. See __init__.py for what they are for. */

#ifndef HG_MCP_HOT_H
#define HG_MCP_HOT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdint.h>

#if PY_VERSION_HEX < 0x030D0000
#define PyObject_GetOptionalAttr _PyObject_LookupAttr
#endif

/* Fields of Python objects, read and stored where their class keeps them (fields.c). */

#define FIELD(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Where instances of a class keep a field; -1 with a TypeError if they have no slot for it. */
int find_field(PyObject *type, const char *name, Py_ssize_t *offset);

/* Stores a value, whose reference it takes; NULL is an error that came before. */
int store(PyObject *object, Py_ssize_t offset, PyObject *value);

/* Adds to a field that holds an integer. */
int add(PyObject *object, Py_ssize_t offset, long change);

/* Rows as MessagePack (row.c). */

enum { MOST_FIELDS = 48, MOST_BYTES = 1024 };

/* Where a class of rows keeps its fields, in the order they are written in after its tag. */
typedef struct {
    PyObject *type;
    Py_ssize_t tag, count, fields[MOST_FIELDS];
} Layout;

/* Learns the layout of a class, all but its type; -1 with an error where its rows are not written so. */
int find_layout(PyObject *type, Layout *layout);

/* Writes a row as msgspec would and gives its length; 0 where it holds more than plain values, or much. */
Py_ssize_t encode_row(const Layout *layout, PyObject *row, unsigned char bytes[MOST_BYTES]);

/* The checksum of a frame (crc.c). */

void make_crc_tables(void);
uint32_t crc32_of(uint32_t seed, const unsigned char *bytes, Py_ssize_t count);

/* The types of the module, each in a file of its name (module.c). */

extern PyType_Spec Writer_spec, Ordinary_spec, Gate_spec, Scanner_spec;

/* What ``tp_new`` does: an object is made whole by ``fill`` or not at all, and none is ever filled again. */
PyObject *make(PyTypeObject *type, PyObject *args, int (*fill)(PyObject *self, PyObject *args));

/* The end of ``tp_dealloc``. Only that lets go of references: there is no ``tp_clear``, since every cycle goes through
   the dict of a Python object, and so no method ever finds a reference gone. */
void let_go(PyObject *self);

#endif
