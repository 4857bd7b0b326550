/* The type ``Ordinary``: for each kind of event in events.c a handler, and the rule that takes what is not ordinary. */

#include "ordinary.h"

#include <string.h>

static PyObject *
record(Ordinary *self, PyObject *event, int (*ordinary)(Ordinary *, PyObject *), PyObject *rule)
{
    int result = ordinary(self, event);
    if (result != 0) {
        return result < 0 ? NULL : Py_NewRef(Py_None);
    }
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) { /* such as KeyboardInterrupt */
        return NULL;
    }
    PyErr_Clear();
    Py_INCREF(rule); /* ``handler`` may replace it */
    PyObject *answer = PyObject_CallOneArg(rule, event);
    Py_DECREF(rule);
    return answer;
}

#define DEFINE(event_name)                                                                                             \
    static PyObject *Ordinary_##event_name(Ordinary *self, PyObject *event)                                            \
    {                                                                                                                  \
        return record(self, event, event_name, self->rules[OF_##event_name]);                                          \
    }
EVENTS(DEFINE)

#define METHOD(event_name) {#event_name, (PyCFunction)Ordinary_##event_name, METH_O, "Record an event."},
static PyMethodDef handlers[] = {EVENTS(METHOD){NULL, NULL, 0, NULL}};

/* handler(name, rule): what records events of a kind; None where that is the rule's alone. */
static PyObject *
Ordinary_handler(Ordinary *self, PyObject *args)
{
    const char *name;
    PyObject *rule;
    if (!PyArg_ParseTuple(args, "sO", &name, &rule)) {
        return NULL;
    }
    for (int each = 0; handlers[each].ml_name != NULL; each++) {
        if (strcmp(handlers[each].ml_name, name) == 0) {
            Py_XSETREF(self->rules[each], Py_NewRef(rule));
            return PyCFunction_New(&handlers[each], (PyObject *)self);
        }
    }
    Py_RETURN_NONE;
}

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
find_fields(Ordinary *self)
{
#define OF(place, type, field) find_field(self->kept.type, #field, &self->place.field) < 0
    return OF(span, Span, kind) || OF(span, Span, frame) || OF(span, Span, run) || OF(span, Span, parent) ||
                   OF(span, Span, path) || OF(span, Span, item) || OF(span, Span, started) ||
                   OF(span, Span, executions) || OF(span, Span, nested) || OF(span, Span, call) ||
                   OF(row, StepFrame, step) || OF(row, StepFrame, status) || OF(row, StepFrame, ended_at) ||
                   OF(row, StepFrame, duration_ms) || OF(row, StepFrame, final) || OF(row, StepFrame, cached) ||
                   OF(row, StepFrame, nested_run_id) || OF(run_row, RunFrame, run) || OF(run_row, RunFrame, steps) ||
                   OF(run, OpenRun, frame) || OF(run, OpenRun, numbers) || OF(run, OpenRun, open_spans)
               ? -1
               : 0;
#undef OF
}

/* Ordinary(write, facts): ``facts`` has by name what is KEPT, the kinds of spans, and two numbers. */
static int
Ordinary_fill(PyObject *object, PyObject *args)
{
    Ordinary *self = (Ordinary *)object;
    PyObject *write, *facts;
    if (!PyArg_ParseTuple(args, "OO!", &write, &PyDict_Type, &facts)) {
        return -1;
    }
    self->write = Py_NewRef(write);
    long window;
#define INTERN(word)                                                                                                   \
    if ((self->name.word = PyUnicode_InternFromString(#word)) == NULL) {                                               \
        return -1;                                                                                                     \
    }
#define KEEP(word)                                                                                                     \
    if ((self->kept.word = PyMapping_GetItemString(facts, #word)) == NULL) {                                           \
        return -1;                                                                                                     \
    }
    NAMES(INTERN)
    KEPT(KEEP)
    if (find_number(facts, "ROOT", &self->root) < 0 || find_number(facts, "MAP_ROOT", &self->map_root) < 0 ||
        find_number(facts, "NESTED_MAP", &self->nested_map) < 0 || find_number(facts, "window", &window) < 0 ||
        find_fields(self) < 0) {
        return -1;
    }
    if (!PyList_Check(self->kept.windows) || PyList_GET_SIZE(self->kept.windows) == 0) {
        PyErr_SetString(PyExc_TypeError, "windows are a list of sets");
        return -1;
    }
    self->main_thread = PyLong_AsUnsignedLongMask(self->kept.main_thread);
    if (PyErr_Occurred()) {
        return -1;
    }
    self->node_run = PyLong_AsLong(self->kept.NODE_RUN);
    self->item_run = PyLong_AsLong(self->kept.ITEM_RUN);
    self->window = window;
    return 0;
}

static PyObject *
Ordinary_new(PyTypeObject *type, PyObject *args, PyObject *options)
{
    (void)options;
    return make(type, args, Ordinary_fill);
}

#define ORDINARY_REFERENCES(VISIT)                                                                                     \
    VISIT(self->write);                                                                                                \
    for (int each = 0; handlers[each].ml_name != NULL; each++) {                                                       \
        VISIT(self->rules[each]);                                                                                      \
    }                                                                                                                  \
    for (PyObject **each = (PyObject **)&self->name; each < (PyObject **)(&self->name + 1); each++) {                  \
        VISIT(*each);                                                                                                  \
    }                                                                                                                  \
    for (PyObject **each = (PyObject **)&self->kept; each < (PyObject **)(&self->kept + 1); each++) {                  \
        VISIT(*each);                                                                                                  \
    }

static int
Ordinary_traverse(Ordinary *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    ORDINARY_REFERENCES(Py_VISIT);
    return 0;
}

static void
Ordinary_dealloc(Ordinary *self)
{
    PyObject_GC_UnTrack(self);
    ORDINARY_REFERENCES(Py_CLEAR);
    let_go((PyObject *)self);
}

static PyMethodDef methods[] = {
    {"handler", (PyCFunction)Ordinary_handler, METH_VARARGS, "handler(name, rule): what records events of a kind."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, Ordinary_new},
    {Py_tp_dealloc, Ordinary_dealloc},
    {Py_tp_traverse, Ordinary_traverse},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec Ordinary_spec = {
    .name = "recorder.hot._hot.Ordinary",
    .basicsize = sizeof(Ordinary),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
