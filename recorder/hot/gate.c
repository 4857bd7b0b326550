/* ``Recorder.on_event``: take the lock, hand the event to its handler, contain what fails. */

#include "hot.h"

/* Attributes of the recorder: those that a fork or the end of recording replaces are looked up at every event. */
#define NAMES(NAME) NAME(_acquire) NAME(_release) NAME(_handlers) NAME(_contain)

#define DECLARE(name) PyObject *name;
typedef struct {
    PyObject_HEAD PyObject *recorder;
    struct {
        NAMES(DECLARE)
    } name;
} Gate;

static PyObject *
called(PyObject *owner, PyObject *name)
{
    PyObject *method = PyObject_GetAttr(owner, name), *answer = NULL;
    if (method != NULL) {
        answer = PyObject_CallNoArgs(method);
        Py_DECREF(method);
    }
    return answer;
}

/* The handler of the event's type, asked for where it is the first of its type. */
static int
handle(Gate *self, PyObject *event)
{
    PyObject *handlers = PyObject_GetAttr(self->recorder, self->name._handlers), *handler = NULL, *answer = NULL;
    if (handlers != NULL) {
        handler = Py_XNewRef(PyDict_GetItemWithError(handlers, (PyObject *)Py_TYPE(event)));
        if (handler == NULL && !PyErr_Occurred()) {
            handler = PyObject_GetItem(handlers, (PyObject *)Py_TYPE(event));
        }
    }
    if (handler != NULL) {
        answer = PyObject_CallOneArg(handler, event);
    }
    Py_XDECREF(answer);
    Py_XDECREF(handler);
    Py_XDECREF(handlers);
    return answer == NULL ? -1 : 0;
}

/* A failure of ours stays ours; what is no Exception, such as KeyboardInterrupt, is the user's. */
static int
contain(Gate *self)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace != NULL) {
        PyException_SetTraceback(error, trace);
    }
    PyObject *answer = PyObject_CallMethodOneArg(self->recorder, self->name._contain, error);
    Py_XDECREF(answer);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return answer == NULL ? -1 : 0;
}

static PyObject *
Gate_on_event(Gate *self, PyObject *event)
{
    PyObject *taken = called(self->recorder, self->name._acquire), *type, *error, *trace;
    int failed = taken == NULL || handle(self, event) < 0 ? contain(self) : 0;
    PyErr_Fetch(&type, &error, &trace);
    if (taken != NULL) {
        PyObject *released = called(self->recorder, self->name._release);
        if (released == NULL) {
            PyErr_Clear();
        }
        Py_XDECREF(released);
        Py_DECREF(taken);
    }
    PyErr_Restore(type, error, trace);
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

/* Gate(recorder) */
static int
Gate_init(Gate *self, PyObject *args, PyObject *options)
{
    PyObject *recorder;
    (void)options;
    if (!PyArg_ParseTuple(args, "O", &recorder)) {
        return -1;
    }
    self->recorder = Py_NewRef(recorder);
#define INTERN(word)                                                                                                   \
    if ((self->name.word = PyUnicode_InternFromString(#word)) == NULL) {                                               \
        return -1;                                                                                                     \
    }
    NAMES(INTERN)
    return 0;
}

#define REFERENCES(VISIT)                                                                                              \
    VISIT(self->recorder);                                                                                             \
    VISIT(self->name._acquire);                                                                                        \
    VISIT(self->name._release);                                                                                        \
    VISIT(self->name._handlers);                                                                                       \
    VISIT(self->name._contain)

static int
Gate_traverse(Gate *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    REFERENCES(Py_VISIT);
    return 0;
}

static int
Gate_clear(Gate *self)
{
    REFERENCES(Py_CLEAR);
    return 0;
}

static PyMethodDef methods[] = {
    {"on_event", (PyCFunction)Gate_on_event, METH_O, "Record one event. Never raises."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, Gate_init},
    {Py_tp_dealloc, dealloc},
    {Py_tp_traverse, Gate_traverse},
    {Py_tp_clear, Gate_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec Gate_spec = {
    .name = "recorder.hot._hot.Gate",
    .basicsize = sizeof(Gate),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
