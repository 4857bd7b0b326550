/* The type ``Handler``: what records events of one type. What is not ordinary goes to the rule. */

#include "ordinary.h"

#include <string.h>

int
handles(const Handler *self, PyObject *type)
{
    return (PyObject *)self->type == type && !self->is_dropped;
}

int
record_event(Handler *self, PyObject *event)
{
    int result = self->record(self, event);
    if (result != 0) {
        return result < 0 ? -1 : 0;
    }
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) { /* such as KeyboardInterrupt */
        return -1;
    }
    PyErr_Clear();
    PyObject *answer = PyObject_CallOneArg(self->rule, event);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

static PyObject *
Handler_call(PyObject *self, PyObject *const *args, size_t count, PyObject *names)
{
    if (PyVectorcall_NARGS(count) != 1 || names != NULL) {
        PyErr_SetString(PyExc_TypeError, "a handler takes one event");
        return NULL;
    }
    return record_event((Handler *)self, args[0]) < 0 ? NULL : Py_NewRef(Py_None);
}

static const struct {
    const char *name;
    int (*record)(const Handler *, PyObject *);
} records[] = {
#define RECORD(name) {#name, name},
    EVENTS(RECORD)
#undef RECORD
};

/* Learns where events of the type keep their attributes. */
static int
find_slots(Handler *self)
{
    for (int name = 0; name < NAME_COUNT; name++) {
        PyObject *slot;
        if (PyObject_GetOptionalAttr((PyObject *)self->type, self->ordinary->names[name], &slot) < 0) {
            return -1;
        }
        self->slots[name] = slot == NULL ? -1 : slot_offset(self->type, slot);
        Py_XDECREF(slot);
    }
    return 0;
}

/* Handler(ordinary, name, type, rule): ``name`` is one of EVENTS. */
static int
Handler_fill(PyObject *object, PyObject *args)
{
    Handler *self = (Handler *)object;
    PyObject *ordinary, *type, *rule;
    const char *name;
    if (!PyArg_ParseTuple(args, "OsO!O", &ordinary, &name, &PyType_Type, &type, &rule) ||
        as_ordinary(ordinary) == NULL) {
        return -1;
    }
    self->vectorcall = Handler_call;
    self->ordinary = (Ordinary *)Py_NewRef(ordinary);
    self->type = (PyTypeObject *)Py_NewRef(type);
    self->rule = Py_NewRef(rule);
    for (size_t each = 0; each < sizeof records / sizeof *records; each++) {
        if (strcmp(records[each].name, name) == 0) {
            self->record = records[each].record;
            return find_slots(self);
        }
    }
    PyErr_Format(PyExc_ValueError, "no kind of event that is recorded here is %s", name);
    return -1;
}

#define REFERENCES(VISIT)                                                                                              \
    VISIT(self->ordinary);                                                                                             \
    VISIT(self->type);                                                                                                 \
    VISIT(self->rule);
HOLDS_REFERENCES(Handler)

Handler *
as_handler(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == (destructor)Handler_dealloc ? (Handler *)object : NULL;
}

static PyObject *
Handler_drop(Handler *self, PyObject *unused)
{
    (void)unused;
    self->is_dropped = 1;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"drop", (PyCFunction)Handler_drop, METH_NOARGS, "Another takes its place: it is not to be found again."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Handler, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, Handler_new},
    {Py_tp_dealloc, Handler_dealloc},
    {Py_tp_traverse, Handler_traverse},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec Handler_spec = {
    .name = "recorder.hot._hot.Handler",
    .basicsize = sizeof(Handler),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = slots,
};
