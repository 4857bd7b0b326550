/* Fields of Python objects that have slots: msgspec's structs, and classes with ``__slots__``. */

#include "hot.h"

int
find_field(PyObject *type, const char *name, Py_ssize_t *offset)
{
    PyObject *slot = PyObject_GetAttrString(type, name);
    if (slot == NULL) {
        return -1;
    }
    int found = Py_IS_TYPE(slot, &PyMemberDescr_Type) && ((PyMemberDescrObject *)slot)->d_member->type == T_OBJECT_EX;
    if (found) {
        *offset = ((PyMemberDescrObject *)slot)->d_member->offset;
    }
    else {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", type, name);
    }
    Py_DECREF(slot);
    return found ? 0 : -1;
}

int
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

int
add(PyObject *object, Py_ssize_t offset, long change)
{
    long number = PyLong_AsLong(FIELD(object, offset));
    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    return store(object, offset, PyLong_FromLong(number + change));
}
