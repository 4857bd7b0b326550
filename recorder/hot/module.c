/* The module ``recorder.hot._hot``: its four types. */

#include "hot.h"

void
dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    type->tp_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static int
fill(PyObject *module)
{
    PyType_Spec *specs[] = {&Writer_spec, &Ordinary_spec, &Gate_spec, &Scanner_spec};
    make_crc_tables();
    for (size_t each = 0; each < sizeof specs / sizeof *specs; each++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[each], NULL);
        int failed = type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0;
        Py_XDECREF(type);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "recorder.hot._hot",
    .m_doc = "What happens at nearly every event, in C.",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__hot(void)
{
    return PyModuleDef_Init(&definition);
}
