/* The type ``Ordinary``: what the handlers of a linker share. */

#include "ordinary.h"

#include <string.h>

static int
find_number(PyObject *facts, const char *name, long *number)
{
    PyObject *found = PyMapping_GetItemString(facts, name);
    if (found == NULL) {
        return -1;
    }
    *number = PyLong_AsLong(found);
    Py_DECREF(found);
    return PyErr_Occurred() ? -1 : 0;
}

static int
find_numbers(Ordinary *self, PyObject *facts)
{
#define FIND(field, name) find_number(facts, name, &self->field) < 0
    return -(FIND(main_thread, "main_thread") || FIND(window, "window") || FIND(root, "ROOT") ||
             FIND(map_root, "MAP_ROOT") || FIND(nested_map, "NESTED_MAP") || FIND(node_run, "NODE_RUN") ||
             FIND(item_run, "ITEM_RUN"));
#undef FIND
}

/* Whether this is ``time.monotonic_ns``, which can be asked without a call where it is known what it asks. */
static int
is_clock(PyObject *monotonic_ns)
{
#ifdef __linux__
    return PyCFunction_Check(monotonic_ns) &&
           strcmp(((PyCFunctionObject *)monotonic_ns)->m_ml->ml_name, "monotonic_ns") == 0;
#else
    (void)monotonic_ns;
    return 0;
#endif
}

static int
find_fields(Ordinary *self)
{
#define OF(place, type, field) find_field(self->kept.type, #field, &self->place.field) < 0
    return -(OF(span, Span, kind) || OF(span, Span, frame) || OF(span, Span, run) || OF(span, Span, parent) ||
             OF(span, Span, path) || OF(span, Span, item) || OF(span, Span, started) || OF(span, Span, executions) ||
             OF(span, Span, nested) || OF(span, Span, call) || OF(row, StepFrame, step) || OF(row, StepFrame, status) ||
             OF(row, StepFrame, ended_at) || OF(row, StepFrame, duration_ms) || OF(row, StepFrame, final) ||
             OF(row, StepFrame, cached) || OF(row, StepFrame, nested_run_id) || OF(run_row, RunFrame, run) ||
             OF(run_row, RunFrame, steps) || OF(run, OpenRun, frame) || OF(run, OpenRun, numbers) ||
             OF(run, OpenRun, open_spans));
#undef OF
}

/* Ordinary(write, facts): ``facts`` has by name what is KEPT, and numbers. */
static int
Ordinary_fill(PyObject *object, PyObject *args)
{
    Ordinary *self = (Ordinary *)object;
    PyObject *write, *facts;
    if (!PyArg_ParseTuple(args, "OO!", &write, &PyDict_Type, &facts)) {
        return -1;
    }
    self->write = Py_NewRef(write);
    self->writer = writer_behind(write);
#define INTERN(word)                                                                                                   \
    if ((self->names[OF_##word] = PyUnicode_InternFromString(#word)) == NULL) {                                        \
        return -1;                                                                                                     \
    }
#define KEEP(word)                                                                                                     \
    if ((self->kept.word = PyMapping_GetItemString(facts, #word)) == NULL) {                                           \
        return -1;                                                                                                     \
    }
    NAMES(INTERN)
    KEPT(KEEP)
    self->value_name = PyUnicode_InternFromString("_value_");
    if (self->value_name == NULL || find_numbers(self, facts) < 0 || find_fields(self) < 0) {
        return -1;
    }
    if (!PyList_Check(self->kept.windows) || PyList_GET_SIZE(self->kept.windows) == 0) {
        PyErr_SetString(PyExc_TypeError, "windows are a list of sets");
        return -1;
    }
    self->is_clock = is_clock(self->kept.monotonic_ns);
    return 0;
}

#define REFERENCES(VISIT)                                                                                              \
    VISIT(self->write);                                                                                                \
    VISIT(self->value_name);                                                                                           \
    for (int each = 0; each < NAME_COUNT; each++) {                                                                    \
        VISIT(self->names[each]);                                                                                      \
    }                                                                                                                  \
    for (PyObject **each = (PyObject **)&self->kept; each < (PyObject **)(&self->kept + 1); each++) {                  \
        VISIT(*each);                                                                                                  \
    }
HOLDS_REFERENCES(Ordinary)

Ordinary *
as_ordinary(PyObject *object)
{
    if (Py_TYPE(object)->tp_dealloc != (destructor)Ordinary_dealloc) {
        PyErr_Format(PyExc_TypeError, "%R is no Ordinary", object);
        return NULL;
    }
    return (Ordinary *)object;
}

static PyType_Slot slots[] = {
    {Py_tp_new, Ordinary_new},
    {Py_tp_dealloc, Ordinary_dealloc},
    {Py_tp_traverse, Ordinary_traverse},
    {0, NULL},
};

PyType_Spec Ordinary_spec = {
    .name = "recorder.hot._hot.Ordinary",
    .basicsize = sizeof(Ordinary),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
