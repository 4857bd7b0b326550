/* Fields of Python objects that have slots: msgspec's structs, and classes with ``__slots__``. */

#include "hot.h"

Py_ssize_t
slot_offset(PyTypeObject *type, PyObject *descriptor)
{
    if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type) || !PyType_IsSubtype(type, PyDescr_TYPE(descriptor))) {
        return -1;
    }
    PyMemberDef *slot = ((PyMemberDescrObject *)descriptor)->d_member;
    return slot->type == T_OBJECT_EX ? slot->offset : -1;
}

int
find_field(PyObject *type, const char *name, Py_ssize_t *offset)
{
    PyObject *slot = PyObject_GetAttrString(type, name);
    if (slot == NULL) {
        return -1;
    }
    *offset = slot_offset((PyTypeObject *)type, slot);
    Py_DECREF(slot);
    if (*offset < 0) {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", type, name);
        return -1;
    }
    return 0;
}
