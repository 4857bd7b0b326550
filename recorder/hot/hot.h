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

#ifdef __GNUC__
#pragma GCC visibility push(hidden) /* what no other library can take the place of is called without detours */
#endif

/* Fields of Python objects, read and stored where their class keeps them (fields.c). */

#define FIELD(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Where instances of a class keep the field that a descriptor names; -1 where that is no slot of theirs. */
Py_ssize_t slot_offset(PyTypeObject *type, PyObject *descriptor);

/* The same by name; -1 with a TypeError if they have no such slot. */
int find_field(PyObject *type, const char *name, Py_ssize_t *offset);

/* Stores a value, whose reference it takes; NULL is an error that came before. */
static inline int
store(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    if (value == NULL) {
        return -1;
    }
    PyObject *before = FIELD(object, offset);
    FIELD(object, offset) = value;
    Py_XDECREF(before);
    return 0;
}

/* Adds to a field that holds an integer. */
static inline int
add(PyObject *object, Py_ssize_t offset, long change)
{
    long number = PyLong_AsLong(FIELD(object, offset));
    return number == -1 && PyErr_Occurred() ? -1 : store(object, offset, PyLong_FromLong(number + change));
}

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

void prepare_crc(void);
uint32_t crc32_of(uint32_t seed, const unsigned char *bytes, Py_ssize_t count);

/* The types of the module, each in a file of its name (module.c). */

extern PyType_Spec Gate_spec, Lock_spec, Ordinary_spec, Handler_spec, Writer_spec, Scanner_spec;

/* The recorder's lock (lock.c). */
typedef struct Lock Lock;

/* An object as a lock; NULL with a TypeError if it is none. */
Lock *as_lock(PyObject *object);

/* Waits for the lock and takes it; -1 with an error, which only a signal's handler raises. */
int take(Lock *lock);

/* Gives back a lock that this thread holds. */
void give(Lock *lock);

/* What records events of one type (handler.c). */
typedef struct Handler Handler;

/* An object as a handler of this module; NULL where it is any other callable. */
Handler *as_handler(PyObject *object);

/* Whether it is for events of exactly this type, and has not been dropped. */
int handles(const Handler *handler, PyObject *type);

/* Records an event, or lets the rule do so; -1 with an error. */
int record_event(Handler *handler, PyObject *event);

/* What appends to a journal (writer.c). */
typedef struct Writer Writer;

/* The writer whose method an object is, borrowed; NULL where it is anything else. */
Writer *writer_behind(PyObject *method);

/* Appends a frame, and values unless those are None; -1 with an error. */
int write_frame(Writer *writer, PyObject *frame, PyObject *values);

/* What ``tp_new`` does: an object is made whole by ``fill`` or not at all, and none is ever filled again. */
PyObject *make(PyTypeObject *type, PyObject *args, int (*fill)(PyObject *self, PyObject *args));

/* The end of ``tp_dealloc``. */
void let_go(PyObject *self);

/* The three functions that every type has alike which holds references, all named by REFERENCES(VISIT). Only
   ``tp_dealloc`` lets go of them: there is no ``tp_clear``, since every cycle goes through the dict of a Python object,
   and so no method ever finds a reference gone. */
#define HOLDS_REFERENCES(Type)                                                                                         \
    static PyObject *Type##_new(PyTypeObject *type, PyObject *args, PyObject *options)                                 \
    {                                                                                                                  \
        (void)options;                                                                                                 \
        return make(type, args, Type##_fill);                                                                          \
    }                                                                                                                  \
    static int Type##_traverse(Type *self, visitproc visit, void *arg)                                                 \
    {                                                                                                                  \
        Py_VISIT(Py_TYPE(self));                                                                                       \
        REFERENCES(Py_VISIT)                                                                                           \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static void Type##_dealloc(Type *self)                                                                             \
    {                                                                                                                  \
        PyObject_GC_UnTrack(self);                                                                                     \
        REFERENCES(Py_CLEAR)                                                                                           \
        let_go((PyObject *)self);                                                                                      \
    }

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif
