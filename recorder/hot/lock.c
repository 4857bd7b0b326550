/* The recorder's lock, as ``threading.RLock``: reentrant, with a time-out, and broken off by signals. Nearly always it
   is free; then to take it and to give it back is a comparison each, under the GIL, where an RLock costs two calls. */

#include "hot.h"

#include <time.h>

struct Lock {
    PyObject base;
    unsigned long owner;
    Py_ssize_t depth, waiting, overdue; /* who was let through and found it taken is overdue: it is kept for those */
    int is_open;                        /* whether ``door`` lets one of those who wait through */
    int is_kept;                        /* whether, though free, it is for one of those who wait */
    PyThread_type_lock door;            /* they wait here, without the GIL */
};

enum { FOREVER = -1 };

static long long
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Whether it can be had at once. */
static int
is_free(const Lock *self)
{
    return self->depth == 0 && !self->is_kept;
}

static void
hold(Lock *self)
{
    self->owner = PyThread_get_thread_ident();
    self->depth = 1;
}

/* Nobody waits any more for what was kept. */
static void
stop_waiting(Lock *self, int was_overdue)
{
    self->waiting--;
    self->overdue -= was_overdue;
    if (self->waiting == 0) {
        self->is_kept = 0;
    }
}

/* Waits until the lock is free, and takes it: 1, 0 when the time is over, -1 with the error that a signal raised.
   Whoever runs takes it again before the others have woken up, as they need the GIL too; so they are overdue after one
   try. */
static int
wait_for(Lock *self, long long micros)
{
    long long until = micros == FOREVER ? 0 : now_us() + micros;
    int result = -1, is_overdue = 0;
    self->waiting++;
    while (result < 0) {
        PyLockStatus status;
        Py_BEGIN_ALLOW_THREADS;
        status = PyThread_acquire_lock_timed(self->door, micros, 1);
        Py_END_ALLOW_THREADS;
        if (status == PY_LOCK_ACQUIRED) {
            self->is_open = 0;
        }
        if (status == PY_LOCK_INTR && PyErr_CheckSignals() < 0) {
            break;
        }
        if (self->depth == 0) {
            self->is_kept = 0;
            hold(self);
            result = 1;
            break;
        }
        if (status == PY_LOCK_ACQUIRED && !is_overdue) {
            is_overdue = 1;
            self->overdue++;
        }
        if (micros != FOREVER) {
            micros = Py_MAX(until - now_us(), 0);
            result = micros == 0 ? 0 : -1;
        }
    }
    stop_waiting(self, is_overdue);
    return result;
}

int
take(Lock *self)
{
    if (is_free(self)) {
        hold(self);
        return 0;
    }
    if (self->depth > 0 && self->owner == PyThread_get_thread_ident()) {
        self->depth++;
        return 0;
    }
    return wait_for(self, FOREVER) < 0 ? -1 : 0;
}

void
give(Lock *self)
{
    if (--self->depth > 0 || self->waiting == 0) {
        return;
    }
    self->is_kept = self->overdue > 0;
    if (!self->is_open) {
        self->is_open = 1;
        PyThread_release_lock(self->door);
    }
}

/* acquire(timeout=-1): whether it was taken within so many seconds. */
static PyObject *
Lock_acquire(Lock *self, PyObject *args, PyObject *options)
{
    static char *names[] = {"timeout", NULL};
    double seconds = FOREVER;
    if (!PyArg_ParseTupleAndKeywords(args, options, "|d", names, &seconds)) {
        return NULL;
    }
    int is_mine = self->depth > 0 && self->owner == PyThread_get_thread_ident();
    if (seconds < 0 || is_free(self) || is_mine) {
        return take(self) < 0 ? NULL : Py_NewRef(Py_True);
    }
    int taken = wait_for(self, (long long)(Py_MIN(seconds, 1e6) * 1e6));
    return taken < 0 ? NULL : PyBool_FromLong(taken);
}

static PyObject *
Lock_release(Lock *self, PyObject *unused)
{
    (void)unused;
    if (self->depth == 0 || self->owner != PyThread_get_thread_ident()) {
        PyErr_SetString(PyExc_RuntimeError, "cannot release a lock that this thread does not hold");
        return NULL;
    }
    give(self);
    Py_RETURN_NONE;
}

static PyObject *
Lock_enter(Lock *self, PyObject *unused)
{
    (void)unused;
    return take(self) < 0 ? NULL : Py_NewRef(Py_True);
}

static PyObject *
Lock_exit(Lock *self, PyObject *args)
{
    (void)args;
    return Lock_release(self, NULL);
}

static PyObject *
Lock_new(PyTypeObject *type, PyObject *args, PyObject *options)
{
    (void)options;
    if (!PyArg_ParseTuple(args, "")) {
        return NULL;
    }
    Lock *self = (Lock *)type->tp_alloc(type, 0);
    if (self != NULL && (self->door = PyThread_allocate_lock()) == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    if (self != NULL) {
        PyThread_acquire_lock(self->door, NOWAIT_LOCK);
    }
    return (PyObject *)self;
}

static void
Lock_dealloc(Lock *self)
{
    if (self->door != NULL) {
        if (!self->is_open) {
            PyThread_release_lock(self->door);
        }
        PyThread_free_lock(self->door);
    }
    let_go((PyObject *)self);
}

Lock *
as_lock(PyObject *object)
{
    if (Py_TYPE(object)->tp_dealloc != (destructor)Lock_dealloc) {
        PyErr_Format(PyExc_TypeError, "%R is no Lock of recorder.hot", object);
        return NULL;
    }
    return (Lock *)object;
}

static PyMethodDef methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))Lock_acquire, METH_VARARGS | METH_KEYWORDS,
     "acquire(timeout=-1): whether it was taken within so many seconds; those below 0 are for ever."},
    {"release", (PyCFunction)Lock_release, METH_NOARGS, "Give it back; RuntimeError if it is not this thread's."},
    {"__enter__", (PyCFunction)Lock_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)Lock_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, Lock_new},
    {Py_tp_dealloc, Lock_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec Lock_spec = {
    .name = "recorder.hot._hot.Lock",
    .basicsize = sizeof(Lock),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
