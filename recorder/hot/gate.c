/* ``Recorder.on_event``: take the lock, hand the event to its handler, contain what fails. */

#include "hot.h"

typedef struct {
    PyObject_HEAD PyObject *acquire, *release, *handlers, *contain;
} Gate;

/* Hands the event to the handler for its type, which is asked for where it is the first of its type. */
static int
handle(Gate *self, PyObject *event)
{
    PyObject *type = (PyObject *)Py_TYPE(event), *answer = NULL;
    PyObject *handler = Py_XNewRef(PyDict_GetItemWithError(self->handlers, type));
    if (handler == NULL && !PyErr_Occurred()) {
        handler = PyObject_GetItem(self->handlers, type);
    }
    if (handler != NULL) {
        answer = PyObject_CallOneArg(handler, event);
        Py_DECREF(handler);
    }
    Py_XDECREF(answer);
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
    PyObject *answer = PyObject_CallOneArg(self->contain, error);
    Py_XDECREF(answer);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return answer == NULL ? -1 : 0;
}

static PyObject *
Gate_on_event(Gate *self, PyObject *event)
{
    PyObject *acquire = Py_NewRef(self->acquire),
             *release = Py_NewRef(self->release); /* a fork meanwhile renews both */
    PyObject *taken = PyObject_CallNoArgs(acquire), *type, *error, *trace;
    int failed = taken == NULL || handle(self, event) < 0 ? contain(self) : 0;
    PyErr_Fetch(&type, &error, &trace);
    if (taken != NULL) {
        PyObject *released = PyObject_CallNoArgs(release);
        if (released == NULL) {
            PyErr_Clear();
        }
        Py_XDECREF(released);
        Py_DECREF(taken);
    }
    Py_DECREF(release);
    Py_DECREF(acquire);
    PyErr_Restore(type, error, trace);
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

/* renew(lock): another lock from now on, as in a forked child. */
static PyObject *
Gate_renew(Gate *self, PyObject *lock)
{
    PyObject *acquire = PyObject_GetAttrString(lock, "acquire");
    PyObject *release = acquire == NULL ? NULL : PyObject_GetAttrString(lock, "release");
    if (release == NULL) {
        Py_XDECREF(acquire);
        return NULL;
    }
    Py_XSETREF(self->acquire, acquire);
    Py_XSETREF(self->release, release);
    Py_RETURN_NONE;
}

/* Gate(lock, handlers, contain): ``handlers`` are by type of event, ``contain`` takes an exception of ours. */
static int
Gate_fill(PyObject *object, PyObject *args)
{
    Gate *self = (Gate *)object;
    PyObject *lock, *handlers, *contain, *renewed;
    if (!PyArg_ParseTuple(args, "OO!O", &lock, &PyDict_Type, &handlers, &contain) ||
        (renewed = Gate_renew(self, lock)) == NULL) {
        return -1;
    }
    Py_DECREF(renewed);
    self->handlers = Py_NewRef(handlers);
    self->contain = Py_NewRef(contain);
    return 0;
}

static PyObject *
Gate_new(PyTypeObject *type, PyObject *args, PyObject *options)
{
    (void)options;
    return make(type, args, Gate_fill);
}

#define REFERENCES(VISIT)                                                                                              \
    VISIT(self->acquire);                                                                                              \
    VISIT(self->release);                                                                                              \
    VISIT(self->handlers);                                                                                             \
    VISIT(self->contain)

static int
Gate_traverse(Gate *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    REFERENCES(Py_VISIT);
    return 0;
}

static void
Gate_dealloc(Gate *self)
{
    PyObject_GC_UnTrack(self);
    REFERENCES(Py_CLEAR);
    let_go((PyObject *)self);
}

static PyMethodDef methods[] = {
    {"on_event", (PyCFunction)Gate_on_event, METH_O, "Record one event. Never raises."},
    {"renew", (PyCFunction)Gate_renew, METH_O, "renew(lock): another lock from now on, as in a forked child."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, Gate_new},
    {Py_tp_dealloc, Gate_dealloc},
    {Py_tp_traverse, Gate_traverse},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec Gate_spec = {
    .name = "recorder.hot._hot.Gate",
    .basicsize = sizeof(Gate),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
