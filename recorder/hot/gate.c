/* ``Recorder.on_event``: take the lock, hand the event to its handler, contain what fails. */

#include "hot.h"

enum { KNOWN = 64 };

typedef struct {
    PyObject base;
    Lock *lock;
    PyObject *handlers, *contain;
    Handler *known[KNOWN]; /* by the type of event: what ``handlers`` holds of ours, until it is dropped there */
} Gate;

/* Hands the event to the handler for its type, which is asked for where it is the first of its type. */
static int
find_and_handle(Gate *self, PyObject *event, Handler **known)
{
    Py_CLEAR(*known);
    PyObject *type = (PyObject *)Py_TYPE(event);
    PyObject *handler = Py_XNewRef(PyDict_GetItemWithError(self->handlers, type));
    if (handler == NULL && !PyErr_Occurred()) {
        handler = PyObject_GetItem(self->handlers, type);
    }
    if (handler == NULL) {
        return -1;
    }
    Handler *ours = as_handler(handler);
    if (ours != NULL && handles(ours, type)) {
        Py_XSETREF(*known, (Handler *)Py_NewRef(handler));
    }
    PyObject *answer = PyObject_CallOneArg(handler, event);
    Py_XDECREF(answer);
    Py_DECREF(handler);
    return answer == NULL ? -1 : 0;
}

static int
handle(Gate *self, PyObject *event)
{
    uintptr_t type = (uintptr_t)Py_TYPE(event);
    Handler **known = &self->known[(type >> 4 ^ type >> 10) % KNOWN];
    Handler *handler = *known;
    if (handler == NULL || !handles(handler, (PyObject *)Py_TYPE(event))) {
        return find_and_handle(self, event, known);
    }
    Py_INCREF((PyObject *)handler);
    int result = record_event(handler, event);
    Py_DECREF((PyObject *)handler);
    return result;
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
    Lock *lock = (Lock *)Py_NewRef(self->lock); /* a fork meanwhile renews it */
    int taken = take(lock) == 0, failed = !taken || handle(self, event) < 0 ? contain(self) : 0;
    if (taken) {
        give(lock);
    }
    Py_DECREF(lock);
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

/* renew(lock): another lock from now on, as in a forked child. */
static PyObject *
Gate_renew(Gate *self, PyObject *lock)
{
    if (as_lock(lock) == NULL) {
        return NULL;
    }
    Py_XSETREF(self->lock, (Lock *)Py_NewRef(lock));
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

#define REFERENCES(VISIT)                                                                                              \
    VISIT(self->lock);                                                                                                 \
    VISIT(self->handlers);                                                                                             \
    VISIT(self->contain);                                                                                              \
    for (int each = 0; each < KNOWN; each++) {                                                                         \
        VISIT(self->known[each]);                                                                                      \
    }
HOLDS_REFERENCES(Gate)

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
