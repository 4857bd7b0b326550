/* What is read of an event. One of our own keeps its attributes in slots, and so they are read there, a tenth of the
   price; those of frameworks are asked for them by name. */

#include "ordinary.h"

/* What an event of the handler's own type keeps in a slot, borrowed; NULL where it has to be asked. */
static PyObject *
kept(const Handler *self, PyObject *event, Name name)
{
    Py_ssize_t slot = self->slots[name];
    return slot >= 0 && Py_IS_TYPE(event, self->type) ? FIELD(event, slot) : NULL;
}

PyObject *
fact(const Handler *self, PyObject *event, Name name)
{
    PyObject *found = kept(self, event, name);
    if (found != NULL) {
        return Py_NewRef(found);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    found = PyObject_GetAttr(event, self->ordinary->names[name]);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear();
    }
    return found;
}

int
optional(const Handler *self, PyObject *event, Name name, PyObject **found)
{
    *found = Py_XNewRef(kept(self, event, name));
    return *found != NULL ? 1 : PyObject_GetOptionalAttr(event, self->ordinary->names[name], found);
}

PyObject *
text(const Handler *self, PyObject *event, Name name)
{
    PyObject *found = fact(self, event, name);
    if (found != NULL && !PyUnicode_CheckExact(found)) {
        Py_CLEAR(found);
    }
    return found;
}

PyObject *
micros(const Handler *self, PyObject *event, Name name)
{
    PyObject *moment = fact(self, event, name), *found = NULL;
    if (moment != NULL && PyFloat_CheckExact(moment)) {
        double exact = PyFloat_AS_DOUBLE(moment) * 1e6;
        if (exact > -9e18 && exact < 9e18) {
            found = PyLong_FromLongLong((long long)exact);
        }
    }
    Py_XDECREF(moment);
    return found;
}

PyObject *
clean_name(const Handler *self, PyObject *event, Name name)
{
    PyObject *raw = text(self, event, name), *clean = NULL;
    if (raw != NULL) {
        clean = Py_XNewRef(PyDict_GetItemWithError(self->ordinary->kept.names, raw));
        Py_DECREF(raw);
    }
    if (clean != NULL && !PyUnicode_CheckExact(clean)) {
        Py_CLEAR(clean);
    }
    return clean;
}
